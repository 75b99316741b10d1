import { isValue } from '../characters.ts';
import { fieldName } from '../field-names.ts';
import { appendField, type Fields, noFields } from '../fields.ts';

/** The fields of a message as Node lists them: name, value, name, value, … without the pseudo-fields. */
export function fromWire(raw: readonly string[]): Fields {
  const fields = noFields();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (name.startsWith(':')) continue;
    appendField(fields, fieldName(name), trimmed(raw[index + 1] ?? ''));
  }
  return fields;
}

/** Blanks around a value are no part of it (RFC 9110 §5.5), and may not go out again (RFC 9113 §8.2.1). */
function trimmed(value: string): string {
  const isPadded = isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1));
  return isPadded ? value.replace(/^[ \t]+|[ \t]+$/g, '') : value;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * Appends what may go out: lower-case names, nothing that belongs to a connection, no framing. `false` when a
 * value has characters that no field may have.
 */
export function appendToWire(raw: string[], { names, values }: Fields): boolean {
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    const value = values[index] ?? '';
    if (name === undefined || name.isHopByHop || name.lower === 'host' || name.lower === 'content-length')
      continue;
    if (!isValue(value, 0, value.length)) return false;
    raw.push(name.lower, value);
  }
  return true;
}

/** Without what RFC 9113 §8.2.2 forbids and the length, which is kept apart. */
export function endToEnd({ names, values }: Fields): Fields {
  const kept = noFields();
  for (const [index, name] of names.entries())
    if (!name.isHopByHop && name.lower !== 'content-length') appendField(kept, name, values[index] ?? '');
  return kept;
}
