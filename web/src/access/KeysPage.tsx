import { Plus } from "lucide-react";
import { Suspense, useState } from "react";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { LazyConfirmDialog } from "@/ui/LazyConfirmDialog";
import { lazy } from "@/ui/lazy";
import { More } from "@/ui/More";
import { Empty, Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import { showToast } from "@/ui/toasts";
import styles from "./Access.module.css";
import { AccessPage } from "./AccessPage";
import { type Key, revokeKey, useKeys, useSender } from "./queries";
import { describeScopes } from "./roles";

const CreateKey = lazy(() => import("./CreateKey"));

const CALL = {
  curl: 'curl -H "Authorization: Bearer $GRAFT_API_KEY" $GRAFT_URL/keys',
  python: "from graft_client import Graft\n\nfor key in Graft().keys.list():\n    print(key)",
  cli: "graft keys list\ngraft keys create ci --role trainer --days 90",
};

/** The tenant's API keys: create and revoke them. */
export default function KeysPage() {
  const [isCreating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Key | null>(null);
  return (
    <AccessPage
      href="/access/keys"
      subtitle="Give each program a key of its own, with no more than it needs."
      call={CALL}
      action={
        <Button look="primary" icon={<Plus aria-hidden />} onClick={() => setCreating(true)}>
          Create a key
        </Button>
      }
    >
      <Keys onRevoke={setRevoking} />
      {isCreating && (
        <Suspense>
          <CreateKey onClose={() => setCreating(false)} />
        </Suspense>
      )}
      {revoking && <Revoke target={revoking} onClose={() => setRevoking(null)} />}
    </AccessPage>
  );
}

function Keys({ onRevoke }: { onRevoke: (key: Key) => void }) {
  const query = useKeys();
  return (
    <>
      <Card flush>
        <Loaded query={query}>
          {({ pages }) => {
            const keys = pages.flatMap((page) => page.data);
            if (keys.length === 0) {
              return (
                <Empty title="No key yet">
                  A program that uses this service sends a key, such as a pipeline that trains every
                  night.
                </Empty>
              );
            }
            return (
              <div className={styles.scroll}>
                <KeyTable keys={keys} onRevoke={onRevoke} />
              </div>
            );
          }}
        </Loaded>
      </Card>
      <More query={query} />
    </>
  );
}

function KeyTable({ keys, onRevoke }: { keys: readonly Key[]; onRevoke: (key: Key) => void }) {
  return (
    <Table
      caption="API keys, newest first"
      rows={keys}
      rowKey={({ id }) => id}
      columns={[
        {
          key: "name",
          header: "Name",
          cell: ({ name, id }) => (
            <>
              <strong className={styles.name}>{name}</strong>
              <span className={styles.id}>{id}</span>
            </>
          ),
        },
        {
          key: "may",
          header: "May do",
          align: "left",
          cell: ({ scopes }) => describeScopes(scopes),
          wide: true,
        },
        {
          key: "status",
          header: "Status",
          align: "left",
          cell: ({ status }) => (
            <Chip tone={status === "active" ? "accent" : "neutral"} dot>
              {status}
            </Chip>
          ),
        },
        {
          key: "used",
          header: "Last used",
          cell: ({ last_used_at }) => <When at={last_used_at} />,
          wide: true,
        },
        {
          key: "expires",
          header: "Expires",
          cell: ({ expires_at }) => <When at={expires_at} />,
          wide: true,
        },
        {
          key: "actions",
          header: <span className="visually-hidden">Actions</span>,
          cell: (key) =>
            key.status === "active" && (
              <Button look="quiet" aria-label={`Revoke ${key.name}`} onClick={() => onRevoke(key)}>
                Revoke
              </Button>
            ),
        },
      ]}
    />
  );
}

function When({ at }: { at: string | null }) {
  return <span className={styles.oneLine}>{at ? <Time at={at} /> : "never"}</span>;
}

function Revoke({ target, onClose }: { target: Key; onClose: () => void }) {
  const { data: sender } = useSender();
  return (
    <LazyConfirmDialog
      title={`Revoke ${target.name}`}
      action="Revoke the key"
      onConfirm={async () => {
        await revokeKey(target.id);
        showToast(`${target.name} is revoked.`);
      }}
      onClose={onClose}
    >
      Within 30 seconds, programs with this key are answered 401 and sessions that it opened end.
      This cannot be undone.
      {sender?.id === target.id && <> You are signed in with it, so you will be signed out.</>}
    </LazyConfirmDialog>
  );
}
