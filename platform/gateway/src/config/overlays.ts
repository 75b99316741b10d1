import { isRecord } from '@flotilla/kernel';

/** Variables of the process, as far as the configuration may see them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Lays one file over another as the configuration of .NET does: objects by key in any case, lists by position, everything else is
 * replaced.
 */
export function overlay(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (Array.isArray(base) && Array.isArray(over)) {
    const length = Math.max(base.length, over.length);
    return Array.from({ length }, (_, index) => overlay(base[index] as unknown, over[index] as unknown));
  }
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const same = sameKey(merged, key);
    merged[same] = overlay(merged[same], value);
  }
  return merged;
}

/** As it is spelt already. */
function sameKey(object: Readonly<Record<string, unknown>>, key: string): string {
  const lower = key.toLowerCase();
  return Object.keys(object).find((one) => one.toLowerCase() === lower) ?? key;
}

const SECTIONS =
  /^(?:routes|reroutes|aggregates|dynamicroutes|dynamicreroutes|globalconfiguration|swaggerendpoints)__/i;
const POSITION = /^\d{1,4}$/;

/** `Routes__0__DownstreamHostAndPorts__0__Host=orders`: the value of that key, as in .NET. */
export function withVariables(config: unknown, env: Environment): unknown {
  let result = config;
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && SECTIONS.test(name)) result = setAt(result, name.split('__'), value);
  return result;
}

function setAt(target: unknown, [key = '', ...rest]: readonly string[], value: string): unknown {
  if (key === '') return value;
  if (Array.isArray(target) || (target === undefined && POSITION.test(key))) {
    const list: unknown[] = Array.isArray(target) ? [...(target as readonly unknown[])] : [];
    // A hole would be a route of nothing.
    const index = Math.min(Number(key), list.length);
    list[index] = setAt(list[index], rest, value);
    return list;
  }
  const object = isRecord(target) ? target : {};
  const same = sameKey(object, key);
  return { ...object, [same]: setAt(object[same], rest, value) };
}

const VARIABLE = /\$\{([A-Z_][A-Z0-9_]*)\}/g;

/** Puts the variable in the place of each `${NAME}` in a text. What is not set is an error: an empty host or secret would be worse. */
export function resolveVariables(
  value: unknown,
  env: Environment,
  errors: string[],
  path: string = '',
): unknown {
  if (typeof value === 'string')
    return value.replace(VARIABLE, (text, name: string) => {
      const found = env[name];
      if (found === undefined) errors.push(`${path}: the variable ${name} is not set`);
      return found ?? text;
    });
  if (Array.isArray(value))
    return value.map((item, index) => resolveVariables(item, env, errors, `${path}[${index}]`));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolveVariables(item, env, errors, path === '' ? key : `${path}.${key}`),
    ]),
  );
}
