import { useParams, useSearchParams } from "wouter";
import { plural } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Chip } from "@/ui/Chip";
import { Page } from "@/ui/Page";
import { Loaded } from "@/ui/States";
import { Tabs } from "@/ui/Tabs";
import { EvaluateTab } from "./EvaluateTab";
import { ExportTab } from "./ExportTab";
import { History } from "./History";
import { type Model, useModel, useServing } from "./queries";
import { ServeTab } from "./ServeTab";
import { VersionsTab } from "./VersionsTab";

const TABS = [
  { id: "versions", label: "Versions", content: VersionsTab },
  { id: "evaluate", label: "Evaluate", content: EvaluateTab },
  { id: "serve", label: "Gate and shadow", content: ServeTab },
  { id: "export", label: "Export", content: ExportTab },
  { id: "history", label: "History", content: History },
] as const;

/** A model: its versions, which one serves, how it is evaluated, promoted and exported. */
export default function ModelPage() {
  const { name } = useParams<{ name: string }>();
  const [params] = useSearchParams();
  const query = useModel(name);
  const serving = useServing().data;
  const tab = TABS.find(({ id }) => id === params.get("tab")) ?? TABS[0];
  const served = serving?.resolved.name === name ? serving.resolved.version : null;
  const Content = tab.content;
  return (
    <Page
      title={
        <>
          {name}
          {served !== null && (
            <Chip tone="accent" dot>
              version {served} serves predictions
            </Chip>
          )}
        </>
      }
      documentTitle={name}
      crumbs={[{ label: "Models", href: "/models" }]}
      subtitle={query.data && <Subtitle model={query.data} />}
      actions={
        <>
          <Call call={makeCall(name)} />
          <LinkButton look="primary" href={`/try?model=${name}`}>
            Try it
          </LinkButton>
        </>
      }
    >
      <Tabs
        label="Parts of the model"
        current={tab.id}
        tabs={TABS.map(({ id, label }) => ({ id, label, href: `/models/${name}?tab=${id}` }))}
      />
      <Loaded query={query} lines={8}>
        {(model) => <Content model={model} served={served} />}
      </Loaded>
    </Page>
  );
}

function Subtitle({ model: { versions } }: { model: Model }) {
  const newest = versions[0];
  return (
    <>
      {plural(versions.length, "version")}
      {newest && (
        <>
          , {newest.architecture}, {plural(newest.class_names.length, "class", "classes")}
        </>
      )}
    </>
  );
}

function makeCall(name: string) {
  return {
    curl: `curl $GRAFT_URL/models/${name}\ncurl -F image=@photo.jpg "$GRAFT_URL/predict?model=${name}"`,
    python: `from graft_client import Graft\n\nmodel = Graft().models.get("${name}")\nmodel.predict("photo.jpg")`,
    cli: `graft predict photo.jpg --model ${name}`,
  };
}
