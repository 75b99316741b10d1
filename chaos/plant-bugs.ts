import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CODE_BUGS, type CodeBug, type CodeChange, plantIn } from './planted-code-bugs.ts';

/**
 * For `--import`: plants bugs in a service while its modules are loaded. `?bugs=` names a file that says who has which:
 * `{ "notification": ["ack-before-commit"] }`. It is read once, by each process that starts.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const bugsFile = new URL(import.meta.url).searchParams.get('bugs');
if (bugsFile === null)
  throw new TypeError('say which bugs: --import=…/plant-bugs.ts?bugs=/path/of/bugs.json');

const bugsOf = JSON.parse(readFileSync(bugsFile, 'utf8')) as Readonly<Record<string, readonly CodeBug[]>>;
const changes: readonly CodeChange[] = (bugsOf[process.env['SERVICE_NAME'] ?? ''] ?? []).flatMap(
  (bug): readonly CodeChange[] => CODE_BUGS[bug],
);
const changesAt = Map.groupBy(changes, ({ file }) => pathToFileURL(join(ROOT, file)).href);

if (changesAt.size > 0)
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const { source } = loaded;
      const here = changesAt.get(url);
      if (here === undefined || source === undefined || source === null) return loaded;
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: here.reduce(plantIn, text) };
    },
  });
