import { Check, CodeXml, Copy } from "lucide-react";
import { Suspense, useState } from "react";
import { Button } from "./Button";
import styles from "./Call.module.css";
import { lazy } from "./lazy";

const Dialog = lazy(() => import("./Dialog").then((module) => ({ default: module.Dialog })));

export interface CallText {
  curl: string;
  python: string;
  cli?: string;
}

const LABELS = { curl: "curl", python: "Python", cli: "Command line" } as const;

/** The button that shows how to do by code what the page shows or has just done. */
export function Call({ call }: { call: CallText }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        look="quiet"
        icon={<CodeXml aria-hidden />}
        aria-label="Show the call"
        title="Show the call"
        onClick={() => setOpen(true)}
      />
      {isOpen && (
        <Suspense>
          <Dialog title="The same by code" onClose={() => setOpen(false)}>
            <CallBlocks call={call} />
          </Dialog>
        </Suspense>
      )}
    </>
  );
}

/** The code blocks of a call, each with a button to copy it. */
export function CallBlocks({ call }: { call: CallText }) {
  return (
    <>
      {(["curl", "python", "cli"] as const).map(
        (kind) => call[kind] && <Code key={kind} label={LABELS[kind]} text={call[kind]} />,
      )}
    </>
  );
}

/** A block of code with a button that copies it; `wraps` shows a long line in full. */
export function Code({
  label,
  text,
  wraps = false,
}: {
  label: string;
  text: string;
  wraps?: boolean;
}) {
  const [isCopied, setCopied] = useState(false);

  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  }

  return (
    <div className={styles.block}>
      <div className={styles.bar}>
        <span>{label}</span>
        {"clipboard" in navigator && (
          <Button
            look="quiet"
            icon={isCopied ? <Check aria-hidden /> : <Copy aria-hidden />}
            onClick={() => void copy()}
          >
            {isCopied ? "Copied" : "Copy"}
          </Button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre className={`${styles.code} ${wraps ? styles.wraps : ""}`} tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}
