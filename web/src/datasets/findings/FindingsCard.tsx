import { Link } from "wouter";
import { count } from "@/format";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { findingsPath } from "../links";
import type { Dataset } from "../queries";
import { countFindings, FINDING_KINDS, findingText, numFindings } from "../summary";
import styles from "./FindingsCard.module.css";

/** The findings of a dataset in short, each with a link to its images. */
export function FindingsCard({ dataset }: { dataset: Dataset }) {
  const counts = countFindings(dataset);
  const found = FINDING_KINDS.filter((kind) => counts[kind] > 0);
  const number = numFindings(dataset);
  return (
    <Card
      title="Check"
      aside={
        number > 0 && (
          <Chip tone={counts.leaked > 0 ? "bad" : "warn"}>{count(number)} to look at</Chip>
        )
      }
    >
      {found.length === 0 ? (
        <p className="muted small">
          Every file could be read, and no image is in two splits or in one split twice.
        </p>
      ) : (
        <ul className={styles.list}>
          {found.map((kind) => (
            <li key={kind}>
              {findingText(kind, counts[kind])}
              <Link className="link" href={findingsPath(dataset.id, kind)}>
                Show <span className="visually-hidden">{findingText(kind, counts[kind])}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
