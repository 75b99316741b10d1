/** The entry of a service with a database, as it stands in `flotilla.config.ts`. */
export function configEntry(name: string, folder: string, indent: string): string {
  const key = /^\w+$/.test(name) ? name : `'${name}'`;
  const directory = `\${import.meta.dirname}/${folder}/migrations`;
  return [
    `${key}: {`,
    `  entry: '${folder}/src/main.ts',`,
    '  database: {',
    `    migrations: [{ name: '${name}', directory: \`${directory}\` }],`,
    '  },',
    '},',
  ]
    .map((line) => `${indent}${line}\n`)
    .join('');
}

/** Where the services of a configuration are listed: `services: {` or `services = {` at the end of a line, once. */
const LIST = /^([ \t]*)(?:.*\b)?services(?::| =) \{[ \t]*\n/gm;

/** The configuration with the service as its first; `undefined` when it is not plain where that belongs. */
export function withService(config: string, name: string, folder: string): string | undefined {
  const lists = [...config.matchAll(LIST)];
  const [list] = lists;
  if (!list || lists.length > 1) return undefined;
  const at = list.index + list[0].length;
  return `${config.slice(0, at)}${configEntry(name, folder, `${list[1]}  `)}${config.slice(at)}`;
}
