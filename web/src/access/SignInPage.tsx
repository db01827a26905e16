import { useQueryClient } from "@tanstack/react-query";
import { LogIn, Sprout } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { asServiceError } from "@/api/problem";
import { enterSession, type SessionState } from "@/api/session";
import { Button } from "@/ui/Button";
import buttons from "@/ui/Button.module.css";
import { Callout } from "@/ui/Card";
import { TextField } from "@/ui/Field";
import { Loaded } from "@/ui/States";
import { failureOf, pageAfterSignIn } from "./landing";
import { signInWithKey, useWays } from "./queries";
import styles from "./SignInPage.module.css";

const REASONS: Partial<Record<SessionState, string>> = {
  expired: "Your session has ended. Sign in again to go on where you were.",
  left: "You are signed out.",
};

/** Signs a person in at the OpenID provider or with an API key. */
export default function SignInPage({ reason }: { reason: SessionState }) {
  const ways = useWays();
  const client = useQueryClient();
  const failure = failureOf(location.search);
  useEffect(() => {
    document.title = "Sign in · Graft";
    // The next person must not see what this one has read.
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "sign-in" });
  }, [client]);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <div className={styles.brand}>
          <Sprout aria-hidden />
          Graft
        </div>
        <h1>Sign in</h1>
        {REASONS[reason] && (
          <p className="muted" role="status">
            {REASONS[reason]}
          </p>
        )}
        {failure && (
          <div role="alert">
            <Callout tone="bad">{failure}</Callout>
          </div>
        )}
        <Loaded query={ways}>
          {({ provider }) => (
            <>
              {provider && (
                <>
                  <a
                    className={`${buttons.button} ${buttons.primary} ${styles.wide}`}
                    href={`/auth/login?${new URLSearchParams({ next: pageAfterSignIn(location) })}`}
                  >
                    <LogIn aria-hidden />
                    Sign in at {provider}
                  </a>
                  <div className={styles.or}>or with an API key</div>
                </>
              )}
              <KeyForm isMain={!provider} />
            </>
          )}
        </Loaded>
      </div>
    </main>
  );
}

function KeyForm({ isMain }: { isMain: boolean }) {
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signInWithKey(key.trim());
      enterSession();
    } catch (thrown) {
      setError(asServiceError(thrown).message);
      setBusy(false);
    }
  }

  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label="API key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="gk_…"
        maxLength={200}
        hint="It is exchanged for a session. The browser does not keep the key."
        value={key}
        onChange={({ target }) => setKey(target.value)}
      />
      {error && (
        <div role="alert">
          <Callout tone="bad">{error}</Callout>
        </div>
      )}
      <Button
        type="submit"
        look={isMain ? "primary" : "default"}
        isBusy={isBusy}
        disabled={key.trim() === ""}
      >
        Sign in with the key
      </Button>
      <p className="muted small">
        An administrator of the service creates keys. Its first start prints an admin key.
      </p>
    </form>
  );
}
