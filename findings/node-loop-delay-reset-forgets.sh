#!/usr/bin/env bash
# Node 24: monitorEventLoopDelay().reset() also drops the interval that is running. A loop that is blocked for 300 ms right after a reset shows nothing of
# it: the next sample only sets the mark that the one after it is measured against. Whoever resets the histogram at each scrape
# loses what happens just then, in every window, and two readers take it from each other. Keep one histogram, and take differences.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > run.mjs <<'JS'
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const block = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
async function seen(resets) {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  await sleep(100);
  if (resets) histogram.reset();
  block(300);
  await sleep(100);
  histogram.disable();
  return histogram.max / 1e6;
}
const without = await seen(false);
const after = await seen(true);
console.log(`longest delay seen of a block of 300 ms: ${without.toFixed(0)} ms; when reset() was called just before: ${after.toFixed(0)} ms`);
process.exitCode = without > 250 && after < 150 ? 0 : 1;
JS
echo "node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
