const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1m`, `1.5s`, `20 ms`: milliseconds; `undefined` = no such text, or none that lasts. */
export function periodMs(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/i.exec(text.trim()) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit.toLowerCase()] ?? 0);
  return ms > 0 ? ms : undefined;
}
