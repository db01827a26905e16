import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Table.module.css";

export interface Column<Row> {
  key: string;
  header: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Numbers and short values are aligned right; the first column is aligned left by default. */
  align?: "left" | "right";
  /** Hidden on a phone. */
  wide?: boolean;
  /** Shown as a button that sorts by this column. */
  sortable?: boolean;
}

export interface Sort {
  key: string;
  descending: boolean;
}

/** A dense table; the caller sorts, and pages or virtualises long lists. */
export function Table<Row>({
  caption,
  columns,
  rows,
  rowKey,
  isMarked,
  sort,
  onSort,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  isMarked?: (row: Row) => boolean;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
}) {
  return (
    <table className={styles.table}>
      <caption className="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column, index) => (
            <th
              key={column.key}
              scope="col"
              className={cellClass(column, index)}
              aria-sort={
                sort?.key === column.key
                  ? sort.descending
                    ? "descending"
                    : "ascending"
                  : undefined
              }
            >
              {column.sortable && onSort ? (
                <button
                  type="button"
                  className={styles.sort}
                  onClick={() =>
                    onSort({
                      key: column.key,
                      descending: sort?.key === column.key ? !sort.descending : false,
                    })
                  }
                >
                  {column.header}
                  {sort?.key === column.key &&
                    (sort.descending ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
                </button>
              ) : (
                column.header
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} className={isMarked?.(row) ? styles.marked : undefined}>
            {columns.map((column, index) => (
              <td key={column.key} className={cellClass(column, index)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function cellClass<Row>(column: Column<Row>, index: number): string {
  const align = column.align ?? (index === 0 ? "left" : "right");
  return [align === "left" ? styles.left : styles.right, column.wide ? styles.wide : ""].join(" ");
}
