import type { ComponentChildren } from 'preact';
import { Empty, FOCUSABLE } from './parts.tsx';

export interface Column<Row> {
  readonly title: string;
  /** `num` is set right, `tight` on one line, `wrap` broken anywhere, `mono` for ids. */
  readonly look?: string;
  readonly of: (row: Row) => ComponentChildren;
}

export function Table<Row>(props: {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ComponentChildren;
}) {
  const { rows, columns, keyOf, empty } = props;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <div class="scroll" {...FOCUSABLE}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, look = '' }) => (
              <th key={title} class={look.replace('mono', '')}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, look = '', of }) => (
                <td key={title} class={look}>
                  {of(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** `1 violation`, `2 violations`. */
export function plural(many: number, one: string): string {
  return `${count(many)} ${one}${many === 1 ? '' : 's'}`;
}

export const NONE = <span class="dim">–</span>;

/** A number that somebody reads: thousands apart, no more digits than say something. */
export function count(value: number): string {
  return value.toLocaleString('en-GB', {
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0,
  });
}

export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${Number(value.toFixed(Math.abs(value) > 99 && Math.abs(value) < 100 ? 3 : 1))} %`;
}
