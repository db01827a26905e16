import { count, percent, pValue } from "@/format";
import { Table } from "@/ui/Table";
import styles from "./Models.module.css";
import type { Verdict } from "./queries";

/** A gate's decision: accuracies, the paired test, the classes that lost. */
export function VerdictView({ verdict }: { verdict: Verdict }) {
  return (
    <div className={styles.stack}>
      <p className="muted small">
        Version {verdict.candidate_version}: {percent(verdict.candidate_accuracy)} on{" "}
        {count(verdict.num_images)} images
        {verdict.champion_version != null && (
          <>
            ; champion, version {verdict.champion_version}: {percent(verdict.champion_accuracy)}.
            Only the new one is right on {count(verdict.only_candidate_right)} images, only the
            champion on {count(verdict.only_champion_right)} (McNemar's exact test,{" "}
            {pValue(verdict.p_value)})
          </>
        )}
        .
      </p>
      {verdict.class_drops.length > 0 && (
        <Table
          caption="Classes whose recall falls by more than the gate allows"
          columns={[
            { key: "class", header: "Class", cell: (row) => row.class_name },
            { key: "champion", header: "Champion", cell: (row) => percent(row.champion_recall) },
            {
              key: "candidate",
              header: "New version",
              cell: (row) => percent(row.candidate_recall),
            },
            {
              key: "drop",
              header: "Change",
              cell: (row) => <span className={styles.loss}>−{percent(row.drop)}</span>,
            },
          ]}
          rows={verdict.class_drops}
          rowKey={(row) => row.class_name}
        />
      )}
    </div>
  );
}
