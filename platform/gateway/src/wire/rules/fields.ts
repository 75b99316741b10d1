/**
 * The name of a header field: as it was spelt, in lower case, and what the gateway does with it. Names are
 * interned by their spelling, so one look-up per field answers every question about it.
 */
export interface FieldName {
  readonly text: string;
  readonly lower: string;
  /** Lower case with `_` read as `-`: many servers turn both into the same variable. */
  readonly dashed: string;
  /** Belongs to one connection (RFC 9110 §7.6.1) and is never passed on, in either direction. */
  readonly isHopByHop: boolean;
  /**
   * What a client may not say to a back end: `always` what belongs to the connection, where it comes from and what the gateway writes
   * itself; the other two where the configuration gives them a meaning.
   */
  readonly reserved: 'no' | 'always' | 'identity' | 'override';
  /** A second line of it makes a request ambiguous. */
  readonly isSingle: boolean;
}

/** The fields of a message in order: `values[i]` belongs to `names[i]`. Repeated fields are repeated entries. */
export interface Fields {
  readonly names: FieldName[];
  readonly values: string[];
}

export function noFields(): Fields {
  return { names: [], values: [] };
}

export function copyFields({
  names,
  values,
}: { readonly [Part in keyof Fields]: Readonly<Fields[Part]> }): Fields {
  return { names: names.slice(), values: values.slice() };
}

/** The value of a field, several lines joined with `, ` (RFC 9110 §5.3); `undefined` when there is none. */
export function fieldValue({ names, values }: Fields, lower: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < names.length; index += 1) {
    if (names[index]?.lower !== lower) continue;
    const value = values[index] ?? '';
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

export function hasField({ names }: Fields, lower: string): boolean {
  for (const name of names) if (name.lower === lower) return true;
  return false;
}

export function appendField(fields: Fields, name: FieldName, value: string): void {
  fields.names.push(name);
  fields.values.push(value);
}

/** Adds all of `more` behind what is there. */
export function appendFields(fields: Fields, more: Fields): void {
  fields.names.push(...more.names);
  fields.values.push(...more.values);
}

/** Replaces all lines of the field by one, in the place of the first. */
export function setField(fields: Fields, name: FieldName, value: string): void {
  const first = fields.names.findIndex(({ lower }) => lower === name.lower);
  if (first === -1) {
    appendField(fields, name, value);
    return;
  }
  fields.values[first] = value;
  removeFrom(fields, name.lower, first + 1);
}

export function removeField(fields: Fields, lower: string): void {
  removeFrom(fields, lower, 0);
}

function removeFrom({ names, values }: Fields, lower: string, start: number): void {
  let kept = start;
  for (let index = start; index < names.length; index += 1) {
    const name = names[index];
    if (name === undefined || name.lower === lower) continue;
    names[kept] = name;
    values[kept] = values[index] ?? '';
    kept += 1;
  }
  names.length = kept;
  values.length = kept;
}
