import { CircleUser } from "lucide-react";
import { Dialog, DialogTrigger, Popover, Button as ReactAriaButton } from "react-aria-components";
import { Link } from "wouter";
import { Button } from "@/ui/Button";
import menu from "@/ui/Menu.module.css";
import styles from "./AccountMenu.module.css";
import { showError } from "./permissions";
import { type Sender, signOut } from "./queries";
import { roleOf } from "./roles";
import { ACCESS_PAGES } from "./sections";

/** Who is signed in, what they may do, and the way out. */
export default function AccountMenu({ sender }: { sender: Sender }) {
  const role = roleOf(sender.scopes);
  return (
    <DialogTrigger>
      <ReactAriaButton
        className={`${menu.trigger} ${styles.trigger}`}
        aria-label={`Account: ${sender.name}`}
      >
        <CircleUser aria-hidden />
        <span className={styles.short}>{sender.name}</span>
      </ReactAriaButton>
      <Popover className={`${menu.popover} ${styles.popover}`} placement="bottom end">
        <Dialog className={styles.dialog as string} aria-label="Account">
          {({ close }) => (
            <>
              <div className={styles.person}>
                <strong>{sender.name}</strong>
                <dl>
                  <div>
                    <dt>Tenant</dt>
                    <dd>{sender.tenant}</dd>
                  </div>
                  <div>
                    <dt>{role ? "Role" : "Scopes"}</dt>
                    <dd>{role ?? sender.scopes.join(", ")}</dd>
                  </div>
                </dl>
              </div>
              <nav aria-label="Account" className={styles.links}>
                {ACCESS_PAGES.filter(({ isForAdmins }) => !isForAdmins || role === "admin").map(
                  ({ href, label }) => (
                    <Link key={href} href={href} className={menu.item} onClick={close}>
                      {label}
                    </Link>
                  ),
                )}
              </nav>
              <Button onClick={() => void signOut().catch(showError)}>Sign out</Button>
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
