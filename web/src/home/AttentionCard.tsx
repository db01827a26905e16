import { Link } from "wouter";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { Time } from "@/ui/Time";
import styles from "./AttentionCard.module.css";
import { type Attention, attentionChip, attentionPath } from "./attention";

/** What wants attention: failed jobs, leaks, suspect labels, models that wait at their gate. */
export function AttentionCard({ items }: { items: readonly Attention[] }) {
  return (
    <Card title="Wants attention">
      {items.length === 0 ? (
        <p className="muted small">Nothing. Failed jobs and doubtful images will be listed here.</p>
      ) : (
        <ul className={styles.list}>
          {items.map((item) => {
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
    </Card>
  );
}
