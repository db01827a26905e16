import { useMemo } from "react";
import { count, percent, plural } from "@/format";
import { Card } from "@/ui/Card";
import { VirtualTable } from "@/ui/VirtualTable";
import styles from "./Confusion.module.css";
import { ConfusionCanvas } from "./ConfusionCanvas";
import { ConfusionGrid } from "./ConfusionGrid";
import { type Cell, type ConfusedPair, confusedPairs } from "./confusion";

/** With more classes, cells are too small for numbers. */
export const MAX_GRID = 24;
const MIN_LIST = 8;

/** The confusion matrix: cells for few classes, a map and a list of mistakes for many. */
export function Confusion({
  names,
  matrix,
  cell,
  onCell,
}: {
  names: readonly string[];
  matrix: readonly (readonly number[])[];
  cell: Cell | null;
  onCell: (cell: Cell) => void;
}) {
  const pairs = useMemo(() => confusedPairs(matrix, names), [matrix, names]);
  const isGrid = names.length <= MAX_GRID;
  return (
    <Card title="Confusion" aside="rows: label · columns: prediction" flush>
      <div className={styles.matrix}>
        {isGrid ? (
          <ConfusionGrid names={names} matrix={matrix} cell={cell} onCell={onCell} />
        ) : (
          <ConfusionCanvas names={names} matrix={matrix} cell={cell} onCell={onCell} />
        )}
      </div>
      {names.length >= MIN_LIST && pairs.length > 0 && (
        <>
          <h3 className={styles.heading}>
            Most confused classes{" "}
            <span className={styles.note}>{plural(pairs.length, "pair")}</span>
          </h3>
          <VirtualTable<ConfusedPair>
            caption="Pairs of classes that are confused, the most frequent first"
            columns={[
              {
                key: "label",
                header: "Label",
                cell: (pair) => (
                  <button
                    type="button"
                    className={styles.pair}
                    title={pair.label}
                    aria-label={`${pair.label}, predicted as ${pair.predicted}`}
                    onClick={() => onCell(pair)}
                  >
                    {pair.label}
                  </button>
                ),
              },
              {
                key: "predicted",
                header: "Predicted as",
                align: "left",
                cell: (pair) => (
                  <div className={styles.predicted} title={pair.predicted}>
                    {pair.predicted}
                  </div>
                ),
              },
              { key: "images", header: "Images", cell: (pair) => count(pair.numImages) },
              {
                key: "share",
                header: "Of the label",
                wide: true,
                cell: (pair) => percent(pair.share),
              },
            ]}
            rows={pairs}
            rowKey={(pair) => `${pair.label} ${pair.predicted}`}
            isMarked={(pair) => pair.label === cell?.label && pair.predicted === cell.predicted}
            height={300}
          />
        </>
      )}
    </Card>
  );
}
