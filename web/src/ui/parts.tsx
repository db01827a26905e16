/** A page that shows every shared part in its states: `npm run dev`, then /ui/parts.html. */

import "@fontsource-variable/inter/wght.css";
import "./base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { createRoot } from "react-dom/client";
import { ServiceError } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { toggleTheme } from "@/app/theme";
import { percent } from "@/format";
import { Button } from "./Button";
import { Call } from "./Call";
import { Callout, Card } from "./Card";
import { Chip, StatusChip } from "./Chip";
import { ComboBox } from "./ComboBox";
import { ConfirmDialog } from "./ConfirmDialog";
import { Facts } from "./Facts";
import { Checkbox, SelectField, Slider, TextField } from "./Field";
import { LazyChart } from "./LazyChart";
import { Menu } from "./Menu";
import { Page } from "./Page";
import { Progress } from "./Progress";
import { Ranking } from "./Ranking";
import { Empty, Failure, Skeleton } from "./States";
import { Table } from "./Table";
import { Tabs } from "./Tabs";
import { Time } from "./Time";
import { Toasts } from "./Toasts";
import { showToast } from "./toasts";
import { Whisker } from "./Whisker";

const LONG = "a-name-that-is-as-long-as-a-name-may-be-xxxxxxxxxxxxxxxxxxxxxxx";
const EPOCHS = Array.from({ length: 20 }, (_, index) => index + 1);

function Parts() {
  const [coverage, setCoverage] = useState(0.95);
  const [isAsking, setAsking] = useState(false);
  const [architecture, setArchitecture] = useState("resnet18");
  return (
    <Page
      title={
        <>
          Parts <StatusChip status="running" />
        </>
      }
      documentTitle="Parts"
      crumbs={[{ label: "Crumb", href: "/" }]}
      subtitle="Every shared part in its states."
      actions={
        <>
          <Call call={{ curl: "curl $GRAFT_URL/jobs", python: "Graft().jobs.list()" }} />
          <Button onClick={toggleTheme}>Switch the theme</Button>
          <Button look="primary">Main action</Button>
        </>
      }
    >
      <Part title="Button">
        <Button look="primary" icon={<Plus aria-hidden />}>
          Primary
        </Button>
        <Button>Default</Button>
        <Button look="quiet">Quiet</Button>
        <Button look="danger" onClick={() => setAsking(true)}>
          Danger
        </Button>
        <Button isBusy>Busy</Button>
        <Menu
          label="Menu"
          trigger="Menu"
          entries={[{ id: "a", label: "An action", onAction: () => showToast("Done.") }]}
        />
        {isAsking && (
          <ConfirmDialog
            title={`Delete ${LONG}`}
            action="Delete"
            reason="Reason"
            onClose={() => setAsking(false)}
            onConfirm={() => Promise.reject(new Error("It is in use."))}
          >
            What will be lost is named here.
          </ConfirmDialog>
        )}
      </Part>
      <Part title="Chip, Callout">
        {(["neutral", "accent", "warn", "bad"] as const).map((tone) => (
          <Chip key={tone} tone={tone} dot>
            {tone}
          </Chip>
        ))}
        <Callout title="A note.">Its text.</Callout>
        <Callout tone="warn" title="A warning.">
          {LONG}
        </Callout>
        <Callout tone="bad">An error.</Callout>
      </Part>
      <Part title="Facts, Progress, Whisker, Ranking, Time">
        <Facts
          facts={[
            { label: "Accuracy", value: "92.8 %", note: "87.6 – 95.9 %" },
            { label: "Name", value: LONG },
          ]}
        />
        <Progress value={0.4} label="Known" />
        <Progress value={null} label="Unknown" />
        <Whisker value={0.93} interval={[0.87, 0.96]} />
        <Ranking
          predictions={[
            { label: "bees", probability: 0.95 },
            { label: LONG, probability: 0.05 },
          ]}
        />
        <Time at={new Date(Date.now() - 90_000).toISOString()} />
      </Part>
      <Part title="Fields">
        <TextField label="Text" hint="A hint" placeholder="Placeholder" />
        <TextField label="Wrong" error="`epochs` is 0; it must be at least 1." defaultValue="0" />
        <SelectField label="Choice">
          <option>One</option>
        </SelectField>
        <ComboBox
          label="Search"
          value={architecture}
          onChange={(id) => setArchitecture(id ?? "")}
          options={[
            { id: "resnet18", label: "resnet18", detail: "11.7M" },
            { id: "vgg11_bn", label: "vgg11_bn", detail: "no weights", isDisabled: true },
          ]}
        />
        <Checkbox defaultChecked>A checkbox</Checkbox>
        <Slider
          label="Coverage"
          value={coverage}
          min={0.5}
          max={0.99}
          step={0.01}
          format={(value) => percent(value, 0)}
          onChange={setCoverage}
        />
      </Part>
      <Part title="Chart">
        <LazyChart
          label="Example"
          xLabel="Epoch"
          x={EPOCHS}
          mark={17}
          isShare
          format={(value) => percent(value)}
          series={[
            {
              label: "validation",
              color: 1,
              values: EPOCHS.map((epoch) => 1 - 0.5 / epoch),
              band: {
                low: EPOCHS.map((epoch) => 0.97 - 0.5 / epoch),
                high: EPOCHS.map((epoch) => 1.03 - 0.5 / epoch),
              },
            },
            {
              label: "training",
              color: 2,
              dashed: true,
              values: EPOCHS.map((epoch) => 1 - 0.6 / epoch),
            },
          ]}
        />
      </Part>
      <Part title="Tabs, Table">
        <Tabs
          label="Tabs"
          current="a"
          tabs={[
            { id: "a", label: "First", count: 3, href: "/" },
            { id: "b", label: "Second", href: "/" },
          ]}
        />
        <Table
          caption="A table"
          columns={[
            { key: "name", header: "Name", cell: (row) => row, sortable: true },
            { key: "length", header: "Length", cell: (row) => row.length },
          ]}
          rows={["bees", LONG]}
          rowKey={(row) => row}
          isMarked={(row) => row === "bees"}
          sort={{ key: "name", descending: false }}
          onSort={() => undefined}
        />
      </Part>
      <Part title="States">
        <Empty title="Nothing yet" action={<Button>The action</Button>}>
          Two lines that teach.
        </Empty>
        <Skeleton />
        <Failure
          error={
            new ServiceError(404, "NOT_FOUND", "There is no job job_unknown.", {
              request_id: "req_1",
            })
          }
          onRetry={() => undefined}
        />
      </Part>
      <Toasts />
    </Page>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return <Card title={title}>{children}</Card>;
}

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root element.");
createRoot(root).render(
  <QueryClientProvider client={queryClient}>
    <Parts />
  </QueryClientProvider>,
);
