import { useState } from "react";
import { Link } from "wouter";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { Time } from "@/ui/Time";
import styles from "./AttentionCard.module.css";
import { type Attention, attentionChip, attentionPath } from "./attention";

const NUM_SHOWN = 6;

/** What wants attention: failed jobs, leaks, suspect labels, models that wait at their gate. */
export function AttentionCard({ items }: { items: readonly Attention[] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? items : items.slice(0, NUM_SHOWN);
  return (
    <Card title="Wants attention">
      {items.length === 0 ? (
        <p className="muted small">Nothing. Failed jobs and doubtful images will be listed here.</p>
      ) : (
        <ul className={styles.list}>
          {shown.map((item) => {
            const { label, tone } = attentionChip(item.kind);
            return (
              <li key={`${item.kind} ${item.subject}`}>
                <Link href={attentionPath(item)} className={styles.item}>
                  <span className={styles.head}>
                    <Chip tone={tone}>{label}</Chip>
                    <strong className={styles.title} title={item.title}>
                      {item.title}
                    </strong>
                    <span className={styles.time}>
                      <Time at={item.created_at} />
                    </span>
                  </span>
                  <span className={styles.detail} title={item.detail}>
                    {item.detail}
                  </span>
                </Link>
              </li>
            );
          })}
        </ul>
      )}
      {shown.length < items.length && (
        <div className={styles.more}>
          <Button look="quiet" onClick={() => setWhole(true)}>
            Show all {items.length}
          </Button>
        </div>
      )}
    </Card>
  );
}
