import type { UseQueryResult } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { asServiceError } from "@/api/problem";
import { Button } from "./Button";
import { Message } from "./Message";
import styles from "./States.module.css";

/** What a page shows while it has nothing: two lines that teach, and the action to take. */
export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={styles.state}>
      <h2>{title}</h2>
      <p className={styles.text}>{children}</p>
      {action}
    </div>
  );
}

/** An error with what the service says about it, its request id, and a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { message, code, requestId, fields, status } = asServiceError(error);
  return (
    <div className={styles.state} role="alert">
      <CircleAlert className={styles.alert} aria-hidden />
      <p className={styles.text}>
        <Message text={message} />
      </p>
      {fields.length > 0 && (
        <ul className={styles.fields}>
          {fields.map((field) => (
            <li key={`${field.loc.join(".")} ${field.message}`}>
              <code>{field.loc.join(".")}</code>: {field.message}
            </li>
          ))}
        </ul>
      )}
      <p className={styles.code}>
        {code}
        {requestId && <> · request {requestId}</>}
      </p>
      {onRetry && status !== 403 && <Button onClick={onRetry}>Retry</Button>}
    </div>
  );
}

/** Grey lines in the place of content that is on its way. */
export function Skeleton({ lines = 3, label = "Loading" }: { lines?: number; label?: string }) {
  return (
    <div className={styles.skeleton} role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, index) => `${92 - ((index * 17) % 40)}%`).map((width) => (
        <div key={width} className={styles.line} style={{ width }} />
      ))}
    </div>
  );
}

/** Show a query's data, or that it is loading, or why it failed. */
export function Loaded<T>({
  query,
  lines,
  children,
}: {
  query: UseQueryResult<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  return <Skeleton lines={lines ?? 3} />;
}
