import { isRecord, type Schema } from '@flotilla/kernel';

type Project = (value: unknown) => unknown;

const same: Project = (value) => value;

/**
 * Makes a function that copies only what a schema declares, so that a property added to a row or an entity
 * never leaks into a response. It does not validate: the handler's type does that.
 */
export function createProjection(schema: Schema<unknown>): Project {
  if (Array.isArray(schema['anyOf'])) return firstOf(schema['anyOf'] as Schema<unknown>[]);
  if (isSchema(schema['items'])) return arrayOf(createProjection(schema['items']));
  if (isSchema(schema['properties'])) return objectOf(schema['properties'], schema['additionalProperties']);
  if (isSchema(schema['additionalProperties']))
    return mapOf(createProjection(schema['additionalProperties']));
  return same;
}

/** `nullable(…)` is the one use of `anyOf`: the branch that is not null describes what else may come. */
function firstOf(branches: readonly Schema<unknown>[]): Project {
  const branch = branches.find((one) => one['type'] !== 'null');
  const project = branch ? createProjection(branch) : same;
  return (value) => (value === null ? null : project(value));
}

function arrayOf(project: Project): Project {
  if (project === same) return same;
  return (value) => (Array.isArray(value) ? value.map(project) : value);
}

function mapOf(project: Project): Project {
  if (project === same) return same;
  return (value) =>
    isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([key, held]) => [key, project(held)]))
      : value;
}

function objectOf(properties: Schema<unknown>, rest: unknown): Project {
  if (rest !== false) return same;
  const fields = Object.entries(properties).map(
    ([key, schema]) => [key, isSchema(schema) ? createProjection(schema) : same] as const,
  );
  return (value) => {
    if (!isRecord(value)) return value;
    const out: Record<string, unknown> = {};
    for (const [key, project] of fields) {
      const held = value[key];
      if (held !== undefined) out[key] = project(held);
    }
    return out;
  };
}

function isSchema(value: unknown): value is Schema<unknown> {
  return typeof value === 'object' && value !== null;
}
