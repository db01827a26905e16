import { useMemo } from "react";
import { count, decimal, percent, percentInterval } from "@/format";
import { Card } from "@/ui/Card";
import type { Column } from "@/ui/Table";
import { VirtualTable } from "@/ui/VirtualTable";
import { Whisker } from "@/ui/Whisker";
import { useUrl } from "../url";
import styles from "./ClassTable.module.css";
import { CLASS_KEYS, type ClassFigures, type ClassKey, sortClasses } from "./figures";

const MIN_SEARCHED = 20;

/** The figures of each class; the weakest come first. */
export function ClassTable({
  classes,
  onClass,
}: {
  classes: readonly ClassFigures[];
  onClass: (name: string) => void;
}) {
  const { params, set } = useUrl();
  const wanted = params.get("sort") ?? "recall";
  const descending = wanted.startsWith("-");
  const key: ClassKey = CLASS_KEYS.find((one) => one === wanted.replace("-", "")) ?? "recall";
  const text = params.get("class") ?? "";
  const rows = useMemo(() => {
    const found = classes.filter(({ class_name: name }) =>
      name.toLowerCase().includes(text.toLowerCase()),
    );
    return sortClasses(found, key, descending);
  }, [classes, key, descending, text]);
  return (
    <Card
      title="Classes"
      aside={
        classes.length >= MIN_SEARCHED ? (
          <input
            type="search"
            className={styles.search}
            aria-label="Find a class"
            placeholder={`Find one of ${count(classes.length)} classes`}
            value={text}
            onChange={(event) => set({ class: event.target.value })}
          />
        ) : (
          "95 % intervals of the recall (Wilson)"
        )
      }
      flush
    >
      <VirtualTable
        caption="Precision, recall and F1 of each class"
        columns={listColumns(onClass)}
        rows={rows}
        rowKey={({ class_name: name }) => name}
        sort={{ key, descending }}
        onSort={(sort) => set({ sort: `${sort.descending ? "-" : ""}${sort.key}` })}
        height={460}
      />
    </Card>
  );
}

function listColumns(onClass: (name: string) => void): Column<ClassFigures>[] {
  return [
    {
      key: "class_name",
      header: "Class",
      sortable: true,
      cell: ({ class_name: name }) => (
        <button type="button" className={styles.name} title={name} onClick={() => onClass(name)}>
          {name}
        </button>
      ),
    },
    { key: "support", header: "Images", sortable: true, cell: (row) => count(row.support) },
    {
      key: "precision",
      header: "Precision",
      sortable: true,
      wide: true,
      cell: (row) => percent(row.precision),
    },
    { key: "recall", header: "Recall", sortable: true, cell: (row) => percent(row.recall) },
    {
      key: "interval",
      header: "Interval of the recall",
      wide: true,
      cell: ({ recall, recall_interval: interval }) => {
        const [low, high] = interval ?? [];
        if (recall === null || low === undefined || high === undefined) return "–";
        return (
          <span className={styles.interval}>
            <Whisker value={recall} interval={[low, high]} />
            <span>{percentInterval([low, high], 0)}</span>
          </span>
        );
      },
    },
    { key: "f1", header: "F1", sortable: true, wide: true, cell: (row) => decimal(row.f1) },
  ];
}
