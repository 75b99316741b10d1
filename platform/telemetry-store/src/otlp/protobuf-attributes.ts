import {
  type Cursor,
  forEachField,
  readBytes,
  readDouble,
  readInt64,
  readMessage,
  readText,
  readVarint,
} from './protobuf-cursor.ts';
import { type Attributes, type AttributeValue, type Resource, toResource } from './records.ts';
import { plainDouble, plainInteger } from './values.ts';

/** Deeper than that nobody nests on purpose. */
const DEEPEST = 16;

/** One `KeyValue`, put where it belongs. The last of a name counts. */
export function readAttribute(cursor: Cursor, into: Record<string, AttributeValue>, depth: number = 0): void {
  readMessage(cursor, (inner) => {
    let key = '';
    let value: AttributeValue = null;
    forEachField(inner, (tag) => {
      if (tag === 10) key = readText(inner);
      else if (tag === 18) value = readMessage(inner, (one) => readValue(one, depth));
      else return false;
      return true;
    });
    into[key] = value;
  });
}

export function readValue(cursor: Cursor, depth: number = 0): AttributeValue {
  let value: AttributeValue = null;
  forEachField(cursor, (tag) => {
    switch (tag) {
      case 10:
        value = readText(cursor);
        return true;
      case 16:
        value = readVarint(cursor) !== 0;
        return true;
      case 24:
        value = plainInteger(readInt64(cursor));
        return true;
      case 33:
        value = plainDouble(readDouble(cursor));
        return true;
      case 42:
        if (depth >= DEEPEST) return false;
        value = readMessage(cursor, (inner) => readList(inner, depth + 1));
        return true;
      case 50:
        if (depth >= DEEPEST) return false;
        value = readMessage(cursor, (inner) => readMap(inner, depth + 1));
        return true;
      case 58:
        value = readBytes(cursor).toString('base64');
        return true;
      default:
        return false;
    }
  });
  return value;
}

function readList(cursor: Cursor, depth: number): AttributeValue {
  const values: AttributeValue[] = [];
  forEachField(cursor, (tag) => {
    if (tag !== 10) return false;
    values.push(readMessage(cursor, (inner) => readValue(inner, depth)));
    return true;
  });
  return values;
}

function readMap(cursor: Cursor, depth: number): AttributeValue {
  const values = newAttributes();
  forEachField(cursor, (tag) => {
    if (tag !== 10) return false;
    readAttribute(cursor, values, depth);
    return true;
  });
  return values;
}

/** Without a prototype: `__proto__` is a name like any other. */
export function newAttributes(): Record<string, AttributeValue> {
  return Object.create(null) as Record<string, AttributeValue>;
}

export function readResource(cursor: Cursor): Resource {
  const attributes: Attributes = readMessage(cursor, (inner) => {
    const found = newAttributes();
    forEachField(inner, (tag) => {
      if (tag !== 10) return false;
      readAttribute(inner, found);
      return true;
    });
    return found;
  });
  return toResource(attributes);
}

/** The name of an instrumentation scope. */
export function readScope(cursor: Cursor): string {
  return readMessage(cursor, (inner) => {
    let name = '';
    forEachField(inner, (tag) => {
      if (tag !== 10) return false;
      name = readText(inner);
      return true;
    });
    return name;
  });
}

/**
 * The three kinds of requests have the same outside: blocks of a resource, in them blocks of a scope, in them records.
 * Resource and scope may come behind what belongs to them, so blocks are read in two rounds.
 */
export function forEachRecord(
  bytes: Cursor,
  onRecord: (cursor: Cursor, resource: Resource, scope: string) => void,
): void {
  forEachField(bytes, (tag) => {
    if (tag !== 10) return false;
    readMessage(bytes, (block) => readResourceBlock(block, onRecord));
    return true;
  });
}

function readResourceBlock(
  block: Cursor,
  onRecord: (cursor: Cursor, resource: Resource, scope: string) => void,
): void {
  const first = block.at;
  let resource = toResource({});
  forEachField(block, (tag) => {
    if (tag !== 10) return false;
    resource = readResource(block);
    return true;
  });
  block.at = first;
  forEachField(block, (tag) => {
    if (tag !== 18) return false;
    readMessage(block, (inner) => readScopeBlock(inner, resource, onRecord));
    return true;
  });
}

function readScopeBlock(
  block: Cursor,
  resource: Resource,
  onRecord: (cursor: Cursor, resource: Resource, scope: string) => void,
): void {
  const first = block.at;
  let scope = '';
  forEachField(block, (tag) => {
    if (tag !== 10) return false;
    scope = readScope(block);
    return true;
  });
  block.at = first;
  forEachField(block, (tag) => {
    if (tag !== 18) return false;
    readMessage(block, (record) => onRecord(record, resource, scope));
    return true;
  });
}
