import type { CSSProperties } from "react";
import { count, percent, plural } from "@/format";
import styles from "./ConfusionGrid.module.css";
import { type Cell, rowTotals } from "./confusion";

/** The confusion matrix of few classes, with a button for each cell that has images. */
export function ConfusionGrid({
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
  const totals = rowTotals(matrix);
  return (
    <div className={styles.scroll}>
      <table
        className={styles.grid}
        data-dense={names.length > 10 || undefined}
        style={{ "--classes": names.length } as CSSProperties}
      >
        <caption className="visually-hidden">
          Confusion matrix: images by label in rows and by prediction in columns
        </caption>
        <thead>
          <tr>
            <td />
            {names.map((name) => (
              <th key={name} scope="col" title={name}>
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((label, at) => (
            <tr key={label}>
              <th scope="row" title={label}>
                {label}
              </th>
              {names.map((predicted, to) => {
                const value = matrix[at]?.[to] ?? 0;
                const share = value / (totals[at] || 1);
                const isChosen = cell?.label === label && cell.predicted === predicted;
                return (
                  <td key={predicted}>
                    {value === 0 ? (
                      <span className={styles.none}>
                        <span aria-hidden="true">·</span>
                        <span className="visually-hidden">0</span>
                      </span>
                    ) : (
                      <button
                        type="button"
                        className={at === to ? styles.right : styles.wrong}
                        style={{ "--share": share } as CSSProperties}
                        data-strong={share >= 0.8 || undefined}
                        aria-pressed={isChosen}
                        aria-label={`${label}, predicted as ${predicted}: ${plural(value, "image")}`}
                        title={`${label} → ${predicted}: ${percent(share)} of ${plural(totals[at] ?? 0, "image")}`}
                        onClick={() => onCell({ label, predicted })}
                      >
                        {count(value)}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
