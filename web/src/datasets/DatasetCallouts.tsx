import { Link } from "wouter";
import { Callout } from "@/ui/Card";
import { Stack } from "@/ui/Page";
import { findingsPath } from "./links";
import type { Dataset } from "./queries";
import { countFindings, findingText } from "./summary";

/** What a person must know before training: files left out, leaked and rejected images. */
export function DatasetCallouts({ dataset }: { dataset: Dataset }) {
  const { leaked, rejected } = countFindings(dataset);
  const { warnings } = dataset.report;
  if (leaked === 0 && rejected === 0 && warnings.length === 0) return null;
  return (
    <Stack>
      {warnings.map((warning) => (
        <Callout key={warning} tone="warn" title={warning}>
          <Link className="link" href={findingsPath(dataset.id, "ignored")}>
            Show which and why
          </Link>
        </Callout>
      ))}
      {leaked > 0 && (
        <Callout tone="bad" title={`${findingText("leaked", leaked)}.`}>
          The accuracy of models that are trained on it will look better than it is.{" "}
          <Link className="link" href={findingsPath(dataset.id, "leaked")}>
            Show the pairs
          </Link>
        </Callout>
      )}
      {rejected > 0 && (
        <Callout tone="warn" title={`${findingText("rejected", rejected)}.`}>
          What cannot be read is not part of the dataset.{" "}
          <Link className="link" href={findingsPath(dataset.id, "rejected")}>
            Show which and why
          </Link>
        </Callout>
      )}
    </Stack>
  );
}
