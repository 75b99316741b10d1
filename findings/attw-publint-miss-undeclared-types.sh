#!/usr/bin/env bash
# publint 0.3.25 (--strict) and @arethetypeswrong/cli 0.18.5 find nothing wrong with a package whose declarations import a dependency
# that brings no types (pg 8.23.1), while `@types/pg` is nowhere in its manifest. Whoever installs it and checks declarations cannot
# compile: TS7016. Only a consumer with `skipLibCheck: false` in an empty folder shows it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir package consumer
cat > package/package.json <<'JSON'
{
  "name": "looks-fine", "version": "1.0.0", "type": "module", "license": "MIT", "files": ["index.js", "index.d.ts"],
  "exports": { ".": { "types": "./index.d.ts", "default": "./index.js" } },
  "dependencies": { "pg": "8.23.1" }
}
JSON
echo "export { default as pg } from 'pg';" > package/index.js
printf "import type { Client } from 'pg';\nexport declare function connect(): Client;\n" > package/index.d.ts
npm init -y >/dev/null
npm install --silent --no-audit --no-fund publint@0.3.25 @arethetypeswrong/cli@0.18.5
npm pack --silent --pack-destination . ./package >/dev/null
judged=0
npx publint --strict package > publint.txt 2>&1 || judged=1
npx attw looks-fine-1.0.0.tgz --profile esm-only > attw.txt 2>&1 || judged=1
cd consumer
echo '{ "type": "module", "private": true }' > package.json
npm install --silent --no-audit --no-fund ../looks-fine-1.0.0.tgz typescript@7.0.2
echo "import { connect } from 'looks-fine'; connect();" > use.ts
compiled=0
npx tsc --noEmit --strict --module nodenext --skipLibCheck false use.ts > tsc.txt 2>&1 || compiled=1
echo "publint 0.3.25 and attw 0.18.5: $([ $judged = 0 ] && echo 'nothing is wrong' || echo 'something is wrong'); tsc 7.0.2: $(grep -o 'TS[0-9]*' tsc.txt | sort -u | tr '\n' ' ')"
[ $judged = 0 ] && [ $compiled = 1 ] && grep -q TS7016 tsc.txt && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
