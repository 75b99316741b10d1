#!/usr/bin/env bash
# openid-client 6.9.0: ClientSecretBasic escapes more than the form encoding that RFC 6749 (2.3.1) asks for: `-`, `_`, `.`, `!`, `'`, `(`, `)`,
# `*` and `~` in a client id or secret become %2D, %5F and so on, where URLSearchParams, the form encoding of the URL standard, leaves the first
# three and `*` alone. A server that compares the two parts without decoding them accepts such a client from most
# libraries and refuses it from this one, as soon as its id has a dash. Decode both parts, or hand out ids of letters and digits.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund openid-client@6.9.0
cat > run.mjs <<'JS'
import { createServer } from 'node:http';
import * as client from 'openid-client';

let seen;
const server = createServer((request, response) => {
  seen = Buffer.from(request.headers.authorization.split(' ')[1], 'base64').toString();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ access_token: 'x', token_type: 'Bearer', expires_in: 60 }));
});
server.listen(0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const [id, secret] = ['web-shop', 'a-b_c.d*e'];
  const config = new client.Configuration({ issuer, token_endpoint: `${issuer}/token` }, id, undefined, client.ClientSecretBasic(secret));
  client.allowInsecureRequests(config);
  await client.clientCredentialsGrant(config);
  const form = (text) => new URLSearchParams({ x: text }).toString().slice(2);
  console.log(`sent:                         ${seen}`);
  console.log(`form encoding of the standard: ${form(id)}:${form(secret)}`);
  server.close();
  process.exitCode = seen === 'web%2Dshop:a%2Db%5Fc%2Ed%2Ae' && form(id) === id && form(secret) === secret ? 0 : 1;
});
JS
echo "openid-client $(node -p "require('./node_modules/openid-client/package.json').version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
