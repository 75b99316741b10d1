import { STATUS_CODES } from 'node:http';
import { isToken, isValue } from '../../rules/characters.ts';
import type { ResponseHead } from '../../rules/response.ts';

/**
 * The head of a response as it goes out, `undefined` when it would not be one: a name that is no token, or a line
 * break or another control character in a value. `connectionLine` comes with its line end, or is empty.
 */
export function writeHead(
  { status, reason, fields: { names, values } }: ResponseHead,
  framingLine: string,
  connectionLine: string,
  dateLine: string,
): string | undefined {
  if (!(status >= 100 && status <= 999) || !isValue(reason)) return undefined;
  let text = `HTTP/1.1 ${status} ${reason === '' ? (STATUS_CODES[status] ?? '') : reason}\r\n`;
  let hasDate = false;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    const value = values[index];
    if (name === undefined || value === undefined) continue;
    if (!isToken(name.text) || !isValue(value)) return undefined;
    if (name.lower === 'date') hasDate = true;
    text += `${name.text}: ${value}\r\n`;
  }
  return `${text}${hasDate ? '' : dateLine}${framingLine}${connectionLine}\r\n`;
}
