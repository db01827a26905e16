import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Column, Sort } from "./Table";
import tableStyles from "./Table.module.css";
import styles from "./VirtualTable.module.css";

const ROW_HEIGHT = 36;
const OVERSCAN = 12;

/** A dense table of any length: it scrolls in a box and has only the rows in view in the page. */
export function VirtualTable<Row>({
  caption,
  columns,
  rows,
  rowKey,
  isMarked,
  sort,
  onSort,
  onEnd,
  height = 420,
}: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  isMarked?: (row: Row) => boolean;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Called when the last rows come into view, to fetch more. */
  onEnd?: (() => void) | undefined;
  /** The largest height of the box in pixels. */
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    getItemKey: (index) => rowKey(rows[index] as Row),
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 1) onEnd?.();
  }, [last, rows.length, onEnd]);
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  return (
    <section
      ref={box}
      className={styles.box}
      style={{ maxHeight: height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={caption}
    >
      <table className={tableStyles.table} aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">{caption}</caption>
        <thead className={styles.head}>
          <tr aria-rowindex={1}>
            {columns.map((column, index) => (
              <Heading
                key={column.key}
                column={column}
                isFirst={index === 0}
                sort={sort}
                onSort={onSort}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Room height={before} columns={columns.length} />}
          {items.map(({ index, key }) => {
            const row = rows[index] as Row;
            return (
              <tr
                key={key}
                aria-rowindex={index + 2}
                className={isMarked?.(row) ? tableStyles.marked : undefined}
              >
                {columns.map((column, at) => (
                  <td key={column.key} className={cellClass(column, at === 0)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {after > 0 && <Room height={after} columns={columns.length} />}
        </tbody>
      </table>
    </section>
  );
}

/** The room of the rows that are not in the page. */
function Room({ height, columns }: { height: number; columns: number }) {
  return (
    <tr className={styles.room}>
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

function Heading<Row>({
  column,
  isFirst,
  sort,
  onSort,
}: {
  column: Column<Row>;
  isFirst: boolean;
  sort: Sort | undefined;
  onSort: ((sort: Sort) => void) | undefined;
}) {
  const isSorted = sort?.key === column.key;
  const direction = sort?.descending ? "descending" : "ascending";
  return (
    <th
      scope="col"
      className={cellClass(column, isFirst)}
      aria-sort={isSorted ? direction : undefined}
    >
      {column.sortable && onSort ? (
        <button
          type="button"
          className={tableStyles.sort}
          onClick={() =>
            onSort({ key: column.key, descending: isSorted ? !sort.descending : false })
          }
        >
          {column.header}
          {isSorted && (sort.descending ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
        </button>
      ) : (
        column.header
      )}
    </th>
  );
}

function cellClass<Row>(column: Column<Row>, isFirst: boolean): string {
  const align = column.align ?? (isFirst ? "left" : "right");
  return [
    align === "left" ? tableStyles.left : tableStyles.right,
    column.wide ? tableStyles.wide : "",
  ].join(" ");
}
