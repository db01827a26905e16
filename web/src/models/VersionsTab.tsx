import { Ellipsis } from "lucide-react";
import { Suspense, useState } from "react";
import { Link } from "wouter";
import { showError, useDenial } from "@/access/permissions";
import { bytes, percent, plural } from "@/format";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { LazyConfirmDialog } from "@/ui/LazyConfirmDialog";
import { lazy } from "@/ui/lazy";
import { Empty } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import { showToast } from "@/ui/toasts";
import { CHAMPION, choose, deleteAlias, deleteVersion, rollBack } from "./actions";
import styles from "./Models.module.css";
import type { Model, Version } from "./queries";

const Menu = lazy(() => import("@/ui/Menu").then(({ Menu }) => ({ default: Menu })));
const PointAlias = lazy(() => import("./PointAlias"));

type Action =
  | { kind: "point"; version: number; alias: string | null }
  | { kind: "delete version"; version: number }
  | { kind: "delete alias"; alias: string }
  | { kind: "roll back" };

/** The versions with their lineage, their aliases and what can be done with them. */
export function VersionsTab({ model, served }: { model: Model; served: number | null }) {
  const [action, setAction] = useState<Action | null>(null);
  const { name, versions } = model;
  const denied = useDenial("models:write");
  const close = () => setAction(null);
  if (versions.length === 0) {
    return (
      <Card>
        <Empty title="This model has no version">
          Train a job with this model name to add one.
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <Card
        title="Versions"
        aside={
          CHAMPION in model.aliases && (
            <Button denied={denied} onClick={() => setAction({ kind: "roll back" })}>
              Roll back champion
            </Button>
          )
        }
        flush
      >
        <Table
          caption={`Versions of ${name}`}
          columns={[
            {
              key: "version",
              header: "Version",
              cell: ({ version }) => <strong>{version}</strong>,
            },
            {
              key: "role",
              header: "Role",
              align: "left",
              cell: (row) => <Roles version={row} isServed={row.version === served} />,
            },
            {
              key: "accuracy",
              header: "Accuracy",
              cell: ({ val_accuracy }) => percent(val_accuracy),
            },
            {
              key: "balanced",
              header: "Balanced",
              cell: ({ val_balanced_accuracy }) => percent(val_balanced_accuracy),
              wide: true,
            },
            {
              key: "architecture",
              header: "Architecture",
              cell: ({ architecture }) => architecture,
              wide: true,
            },
            {
              key: "from",
              header: "Trained by",
              cell: (row) => <Lineage version={row} />,
              wide: true,
            },
            { key: "size", header: "Size", cell: ({ num_bytes }) => bytes(num_bytes), wide: true },
            {
              key: "created",
              header: "Trained",
              cell: ({ created_at }) => <Time at={created_at} />,
              wide: true,
            },
            {
              key: "actions",
              header: <span className="visually-hidden">Actions</span>,
              cell: (row) => <VersionMenu version={row} denied={denied} onAction={setAction} />,
            },
          ]}
          rows={versions}
          rowKey={({ version }) => version}
          isMarked={({ version }) => version === served}
        />
      </Card>
      {action?.kind === "point" && (
        <Suspense>
          <PointAlias name={name} version={action.version} alias={action.alias} onClose={close} />
        </Suspense>
      )}
      {action?.kind === "delete version" && (
        <LazyConfirmDialog
          title={`Delete ${name}:${action.version}`}
          action="Delete the version"
          onConfirm={() => deleteVersion(name, action.version)}
          onClose={close}
        >
          Its weights and exports are deleted. Its job, history and report stay.
        </LazyConfirmDialog>
      )}
      {action?.kind === "delete alias" && (
        <LazyConfirmDialog
          title={`Delete the alias ${action.alias}`}
          action="Delete the alias"
          onConfirm={() => deleteAlias(name, action.alias)}
          onClose={close}
        >
          Requests for {name}@{action.alias} will answer 404. The version stays.
        </LazyConfirmDialog>
      )}
      {action?.kind === "roll back" && (
        <LazyConfirmDialog
          title={`Roll back the champion of ${name}`}
          action="Roll back"
          onConfirm={async () => {
            const { version } = await rollBack(name, CHAMPION);
            showToast(`champion is version ${version} again.`);
          }}
          onClose={close}
        >
          The champion becomes its previous version, from the next prediction on and without the
          gate. A second rollback undoes the first.
        </LazyConfirmDialog>
      )}
    </>
  );
}

function Roles({ version, isServed }: { version: Version; isServed: boolean }) {
  return (
    <span className={styles.name}>
      {isServed && (
        <Chip tone="accent" dot>
          serving
        </Chip>
      )}
      {version.aliases.map((alias) => (
        <Chip key={alias} tone={alias === CHAMPION ? "accent" : "neutral"}>
          {alias}
        </Chip>
      ))}
      {version.quantized_from != null && <Chip>int8 of {version.quantized_from}</Chip>}
    </span>
  );
}

function Lineage({ version: { job_id, class_names } }: { version: Version }) {
  return (
    <>
      <Link href={`/jobs/${job_id}`} className="link">
        job
      </Link>
      , {plural(class_names.length, "class", "classes")}
    </>
  );
}

function VersionMenu({
  version,
  denied,
  onAction,
}: {
  version: Version;
  denied: string | undefined;
  onAction: (action: Action) => void;
}) {
  const { name, version: number } = version;
  return (
    <Suspense>
      <Menu
        label={`Actions for version ${number}`}
        trigger={<Ellipsis aria-hidden />}
        entries={[
          {
            id: "promote",
            label: "Promote to champion…",
            onAction: () => onAction({ kind: "point", version: number, alias: CHAMPION }),
          },
          {
            id: "use",
            label: "Use for predictions",
            onAction: () =>
              void choose(`${name}:${number}`).then(
                () => showToast(`${name}:${number} serves predictions now.`),
                showError,
              ),
          },
          {
            id: "alias",
            label: "Set an alias…",
            onAction: () => onAction({ kind: "point", version: number, alias: null }),
          },
          ...version.aliases.map((alias) => ({
            id: `delete ${alias}`,
            label: `Delete the alias ${alias}…`,
            onAction: () => onAction({ kind: "delete alias", alias }),
          })),
          {
            id: "delete",
            label: "Delete the version…",
            isDanger: true,
            onAction: () => onAction({ kind: "delete version", version: number }),
          },
        ].map((entry) => ({ ...entry, denied }))}
      />
    </Suspense>
  );
}
