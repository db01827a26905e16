import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { More } from "@/ui/More";
import { Empty, Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import { showToast } from "@/ui/toasts";
import styles from "./Access.module.css";
import { AccessPage } from "./AccessPage";
import { showError } from "./permissions";
import { changeMember, type Member, useMembers, useSender, useWays } from "./queries";
import { ROLES, type Role } from "./roles";

const CALL = {
  curl: 'curl -H "Authorization: Bearer $GRAFT_API_KEY" $GRAFT_URL/members',
  python:
    'import os\n\nimport httpx\n\nheaders = {"Authorization": f"Bearer {os.environ[\'GRAFT_API_KEY\']}"}\nhttpx.get(f"{os.environ[\'GRAFT_URL\']}/members", headers=headers).json()',
};

/** The people of the tenant who have signed in. */
export default function MembersPage() {
  return (
    <AccessPage
      href="/access/members"
      subtitle="People who have signed in at the OpenID provider."
      call={CALL}
    >
      <Members />
    </AccessPage>
  );
}

function Members() {
  const query = useMembers();
  const provider = useWays().data?.provider;
  return (
    <>
      <Card flush>
        <Loaded query={query}>
          {({ pages }) => {
            const members = pages.flatMap((page) => page.data);
            if (members.length > 0) {
              return (
                <div className={styles.scroll}>
                  <MemberTable members={members} />
                </div>
              );
            }
            return provider ? (
              <Empty title="Nobody has signed in yet">
                A person appears here when they first sign in at {provider}.
              </Empty>
            ) : (
              <Empty title="There is no OpenID provider">
                With <code>GRAFT_OIDC_ISSUER</code> people sign in with the account that they have
                already. Until then, give each person a key.
              </Empty>
            );
          }}
        </Loaded>
      </Card>
      <More query={query} />
      {provider && (
        <Callout>
          A person appears here when they first sign in at {provider}. Where a group of the provider
          decides a person’s role, change their groups there; the next sign-in follows them. A
          change counts within 30 seconds.
        </Callout>
      )}
    </>
  );
}

function MemberTable({ members }: { members: readonly Member[] }) {
  const { data: sender } = useSender();
  return (
    <Table
      caption="Members, newest first"
      rows={members}
      rowKey={({ id }) => id}
      columns={[
        {
          key: "name",
          header: "Name",
          cell: ({ id, name, email }) => (
            <>
              <strong className={styles.name}>
                {name} {id === sender?.id && <span className="muted">(you)</span>}
              </strong>
              <span className={styles.id}>{email ?? id}</span>
            </>
          ),
        },
        {
          key: "role",
          header: "Role",
          align: "left",
          cell: (member) => <RoleChoice member={member} isSelf={member.id === sender?.id} />,
        },
        {
          key: "seen",
          header: "Last signed in",
          cell: ({ last_seen_at: at }) => (
            <span className={styles.oneLine}>
              <Time at={at} />
            </span>
          ),
          wide: true,
        },
        {
          key: "status",
          header: "Status",
          align: "left",
          cell: ({ is_disabled }) => (
            <Chip tone={is_disabled ? "neutral" : "accent"} dot>
              {is_disabled ? "disabled" : "active"}
            </Chip>
          ),
          wide: true,
        },
        {
          key: "actions",
          header: <span className="visually-hidden">Actions</span>,
          cell: (member) => <Switch member={member} isSelf={member.id === sender?.id} />,
        },
      ]}
    />
  );
}

function RoleChoice({ member, isSelf }: { member: Member; isSelf: boolean }) {
  const { id, name, role, has_provider_role } = member;
  if (has_provider_role || isSelf) {
    return (
      <>
        {role}
        <span className={styles.id}>
          {has_provider_role ? "by the provider’s groups" : "another administrator can change it"}
        </span>
      </>
    );
  }
  return (
    <select
      className={styles.select}
      aria-label={`Role of ${name}`}
      value={role}
      onChange={({ target }) => {
        const next = target.value as Role;
        changeMember(id, { role: next }).then(
          () => showToast(`${name} is ${next} now.`),
          showError,
        );
      }}
    >
      {ROLES.map((one) => (
        <option key={one.role}>{one.role}</option>
      ))}
    </select>
  );
}

function Switch({ member, isSelf }: { member: Member; isSelf: boolean }) {
  const { id, name, is_disabled } = member;

  async function disable(): Promise<void> {
    await changeMember(id, { is_disabled: true });
    showToast(`${name} is signed out and cannot sign in.`, {
      action: { label: "Undo", run: () => void enable().catch(showError) },
    });
  }

  async function enable(): Promise<void> {
    await changeMember(id, { is_disabled: false });
    showToast(`${name} can sign in again.`);
  }

  return (
    <Button
      look="quiet"
      aria-label={`${is_disabled ? "Enable" : "Disable"} ${name}`}
      denied={isSelf ? "Another administrator can disable you." : undefined}
      onClick={() => void (is_disabled ? enable() : disable()).catch(showError)}
    >
      {is_disabled ? "Enable" : "Disable"}
    </Button>
  );
}
