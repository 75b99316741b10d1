import { isRecord } from '@flotilla/kernel';
import { type JsonObject, mapObjects, objectAt } from './json-object.ts';

/** Components of all services under names that none of them shares by accident. */
export interface Components {
  /** Takes what `value` refers to in `document`, and returns it with its references renamed. */
  adopt(value: JsonObject, document: JsonObject, prefix: string): JsonObject;
  all(): JsonObject;
}

interface Component {
  readonly section: string;
  readonly name: string;
  readonly value: unknown;
  /** What it was in its document, with all that it refers to: two that agree in this mean the same. */
  readonly meaning: string;
}

const REFERENCE = /^#\/components\/([A-Za-z]+)\/([^/]+)$/;

/** Only what is referred to is taken: what the gateway does not expose stays unknown. */
export function createComponents(): Components {
  const taken = new Map<string, Component>();
  const renamed = new Map<JsonObject, Map<string, string>>();

  function adopt(value: JsonObject, document: JsonObject, prefix: string): JsonObject {
    const rename = (text: unknown): unknown => {
      const [, section, escaped] = typeof text === 'string' ? (REFERENCE.exec(text) ?? []) : [];
      if (section === undefined || escaped === undefined) return text;
      return `#/components/${section}/${take(section, unescapeName(escaped), document, prefix)}`;
    };
    /** A name alone stands for the schema of that name. */
    const whole = (held: unknown) =>
      typeof held === 'string' && hasSchema(document, held)
        ? `#/components/schemas/${escapeName(held)}`
        : held;
    const changed = mapObjects(value, (object) => {
      if ('$ref' in object) return { ...object, $ref: rename(object['$ref']) };
      if (isRecord(object['mapping']) && 'propertyName' in object) {
        const mapping = Object.entries(object['mapping']).map(([key, held]) => [key, rename(whole(held))]);
        return { ...object, mapping: Object.fromEntries(mapping) };
      }
      return isRecord(object['discriminator']) ? withMapping(object, document) : object;
    });
    return isRecord(changed) ? changed : value;
  }

  /** Without a mapping the names of schemas are values of the discriminator: one that was renamed keeps its value. */
  function withMapping(object: JsonObject, document: JsonObject): JsonObject {
    const discriminator = objectAt(object, 'discriminator');
    const mapping = objectAt(discriminator, 'mapping');
    const mapped = new Set(Object.values(mapping));
    const originals = new Map([...(renamed.get(document) ?? [])].map(([key, chosen]) => [chosen, key]));
    const added = ['oneOf', 'anyOf']
      .flatMap((key) => (Array.isArray(object[key]) ? (object[key] as unknown[]) : []))
      .flatMap((one) => {
        const reference = isRecord(one) ? one['$ref'] : undefined;
        const [, , escaped] = typeof reference === 'string' ? (REFERENCE.exec(reference) ?? []) : [];
        if (escaped === undefined || mapped.has(reference)) return [];
        const chosen = unescapeName(escaped);
        const original = originals.get(chosen)?.replace(/^schemas\//, '');
        return original === undefined || original === chosen ? [] : [[original, reference] as const];
      });
    if (added.length === 0) return object;
    const whole = { ...Object.fromEntries(added), ...mapping };
    return { ...object, discriminator: { ...discriminator, mapping: whole } };
  }

  /** The name under which it is kept. */
  function take(section: string, name: string, document: JsonObject, prefix: string): string {
    const names = renamed.get(document) ?? new Map<string, string>();
    renamed.set(document, names);
    const key = `${section}/${name}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const original = componentAt(document, section, name);
    const meaning = meaningOf(document, section, name);
    const same = taken.get(key);
    const isShared = same?.meaning === meaning;
    const chosen = isShared ? name : freeName(section, name, prefix);
    names.set(key, chosen); // before its own references are followed: they may lead back to it
    if (!isShared) {
      const place = `${section}/${chosen}`;
      taken.set(place, { section, name: chosen, value: original, meaning });
      taken.set(place, { section, name: chosen, value: adopt(original, document, prefix), meaning });
    }
    return chosen;
  }

  function freeName(section: string, name: string, prefix: string): string {
    const clean = (text: string) => text.replaceAll(/[^A-Za-z0-9._-]/g, '_');
    const candidates = [clean(name), clean(`${prefix}_${name}`)];
    for (const candidate of candidates) if (!taken.has(`${section}/${candidate}`)) return candidate;
    let count = 2;
    while (taken.has(`${section}/${candidates[1]}_${count}`)) count += 1;
    return `${candidates[1]}_${count}`;
  }

  return {
    adopt,
    all: () => {
      const sections = new Map<string, [string, unknown][]>();
      for (const { section, name, value } of taken.values()) {
        const members = sections.get(section) ?? [];
        members.push([name, value]);
        sections.set(section, members);
      }
      return Object.fromEntries(
        [...sections].map(([section, members]) => [section, Object.fromEntries(members)]),
      );
    },
  };
}

function unescapeName(escaped: string): string {
  const text = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign of its own
  }
}

function escapeName(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function hasSchema(document: JsonObject, name: string): boolean {
  return Object.hasOwn(objectAt(objectAt(document, 'components'), 'schemas'), name);
}

function componentAt(document: JsonObject, section: string, name: string): JsonObject {
  return objectAt(objectAt(objectAt(document, 'components'), section), name);
}

/** A component and everything it leads to, as one text. */
function meaningOf(document: JsonObject, section: string, name: string): string {
  const reached = new Map<string, string>();
  const open: (readonly [section: string, name: string])[] = [[section, name]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const key = next.join('/');
    if (reached.has(key)) continue;
    const text = JSON.stringify(componentAt(document, ...next));
    reached.set(key, text);
    for (const [, inSection = '', escaped = ''] of text.matchAll(/"#\/components\/([A-Za-z]+)\/([^/"]+)"/g))
      open.push([inSection, unescapeName(escaped)]);
  }
  return JSON.stringify([...reached].sort(([one], [other]) => (one < other ? -1 : 1)));
}
