import { type Fields, fieldValue, hasField } from '../../wire/rules/fields.ts';

/** The names on all `Vary` lines, lower case and sorted; `*` = it depends on something outside the request. */
export function varyNames({ names, values }: Fields): readonly string[] | '*' {
  const vary = new Set<string>();
  for (let index = 0; index < names.length; index += 1) {
    if (names[index]?.lower !== 'vary') continue;
    for (const part of (values[index] ?? '').split(',')) vary.add(part.trim().toLowerCase());
  }
  vary.delete('');
  return vary.has('*') ? '*' : [...vary].sort();
}

/** What the back end was told counts. A missing field is a value of its own. */
export function variantKey(primary: string, vary: readonly string[], outgoing: Fields): string {
  if (vary.length === 0) return primary;
  const values = vary.map(
    (name) => `${name}${hasField(outgoing, name) ? `=${fieldValue(outgoing, name)}` : ''}`,
  );
  return `${primary}\n${values.join('\n')}`;
}
