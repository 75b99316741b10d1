/** What a package exports, as text: a change of it shows in a diff, and `npm run check` notices a report that is stale. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import type { Package } from './workspace.ts';

const FENCE = '```';

/** The report of one package. `declarations`: the compiler's output, `<folder>/src/….d.ts`. */
export function apiReport({ folder, manifest }: Package, declarations: string): string {
  const entries = Object.entries(manifest.exports).map(([entry, source]) => {
    const file = join(declarations, folder, source.replace(/\.ts$/, '.d.ts'));
    const exported = [...exportsOf(file)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
    return `# ${join(manifest.name, entry)}\n\n${FENCE}ts\n${exported.join('\n')}\n${FENCE}\n`;
  });
  return entries.join('\n');
}

/** Declarations by exported name, found behind re-exports. */
function exportsOf(file: string): ReadonlyMap<string, string> {
  const source = readFileSync(file, 'utf8');
  const { module, program } = parseSync(file, source);
  const found = new Map<string, string>();
  for (const { entries } of module.staticExports)
    for (const { exportName, importName, moduleRequest, localName } of entries) {
      const name = exportName.name ?? 'default';
      if (moduleRequest) found.set(name, lookUp(file, moduleRequest.value, importName.name ?? name));
      else found.set(name, declarationOf(localName.name ?? name));
    }
  return found;

  function declarationOf(name: string): string {
    for (const node of program.body) {
      const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
      if (declaration && namesOf(declaration).includes(name)) return source.slice(node.start, node.end);
    }
    const [imported] = module.staticImports
      .flatMap(({ entries, moduleRequest }) => entries.map((entry) => ({ entry, moduleRequest })))
      .filter(({ entry }) => entry.localName.value === name);
    if (!imported) throw new Error(`${file} exports ${name}, which is declared nowhere`);
    return lookUp(file, imported.moduleRequest.value, imported.entry.importName.name ?? name);
  }
}

function lookUp(from: string, specifier: string, name: string): string {
  if (!specifier.startsWith('.')) return `export { ${name} } from '${specifier}';`;
  const file = resolve(dirname(from), specifier.replace(/\.[jt]s$/, '.d.ts'));
  const text = exportsOf(file).get(name);
  if (text === undefined) throw new Error(`${from} exports ${name}, which ${specifier} does not`);
  return text;
}

type Named = { readonly id?: unknown; readonly declarations?: readonly { readonly id: unknown }[] };

function namesOf(declaration: object): readonly string[] {
  const { id, declarations = [] } = declaration as Named;
  return [id, ...declarations.map((one) => one.id)].flatMap((one) =>
    one && typeof one === 'object' && 'name' in one ? [String(one.name)] : [],
  );
}
