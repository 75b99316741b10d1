const byId = (id) => document.getElementById(id);
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
function button(label, run, attributes = { class: 'quiet' }) {
  const made = make('button', { type: 'button', ...attributes }, label);
  made.addEventListener('click', run);
  return made;
}

let description = {};
let accessToken = '';
/** What answers have taught: values of members by name, and of path parameters by the path before them. */
const members = new Map();
const places = new Map();
/** Of each form that is open: fills in again what nobody has changed. */
const refills = [];

function follow(value) {
  for (let hops = 0; hops < 20 && value && typeof value.$ref === 'string'; hops += 1)
    value = value.$ref
      .split('/')
      .slice(1)
      .reduce((held, part) => held?.[part], description);
  return value ?? {};
}

const preset = (schema) =>
  schema.examples?.[0] ?? schema.example ?? schema.default ?? schema.const ?? schema.enum?.[0];

function example(given, name = '', depth = 0) {
  const schema = follow(given);
  const known = preset(schema) ?? members.get(name);
  if (known !== undefined || depth > 6) return known;
  const [chosen] = schema.oneOf ?? schema.anyOf ?? [];
  if (chosen) return example(chosen, name, depth + 1);
  if (Array.isArray(schema.allOf))
    return Object.assign({}, ...schema.allOf.map((part) => example(part, name, depth + 1)));
  return exampleOfType(schema, depth);
}

function exampleOfType(schema, depth) {
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'array':
      return schema.items ? [example(schema.items, '', depth + 1)] : [];
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    default: {
      // What may be left out is left out: a made-up value is worse than none.
      const required = Object.entries(schema.properties ?? {}).filter(([name]) =>
        schema.required?.includes(name),
      );
      return Object.fromEntries(required.map(([name, held]) => [name, example(held, name, depth + 1)]));
    }
  }
}

/** A schema in the words of TypeScript. */
function typeText(given, indent = '', depth = 0) {
  const schema = follow(given);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map((one) => typeText(one, indent, depth)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (schema.items) return `${typeText(schema.items, indent, depth)}[]`;
  if (!schema.properties || depth > 5)
    return [schema.type ?? 'unknown'].flat().join(' | ') + (schema.format ? ` (${schema.format})` : '');
  const lines = Object.entries(schema.properties).map(([name, held]) => {
    const about = follow(held).description;
    const optional = schema.required?.includes(name) ? '' : '?';
    return `${indent}  ${name}${optional}: ${typeText(held, `${indent}  `, depth + 1)}${about ? `  // ${about}` : ''}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/** The last of them that was made up counts, so that a request that is repeated is recognised, and a new one is not. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

function learn(path, answer, body) {
  const located = answer.headers.get('location');
  if (located?.startsWith('/')) {
    const cut = located.lastIndexOf('/') + 1;
    places.set(located.slice(0, cut), decodeURIComponent(located.slice(cut)));
  }
  const [first] = Array.isArray(body?.items) ? body.items : [];
  if (typeof first?.id === 'string' && !places.has(`${path}/`)) places.set(`${path}/`, first.id);
  const token = body?.accessToken ?? body?.access_token;
  if (typeof token === 'string') {
    for (const [name, value] of Object.entries(body)) if (typeof value === 'string') members.set(name, value);
    setToken(token);
  }
  for (const refill of refills) refill();
}

function setToken(token, name = byId('who').textContent || 'Logged in') {
  accessToken = token;
  byId('who').textContent = token === '' ? '' : name;
  byId('log-in').textContent = token === '' ? 'Log in' : 'Log out';
}

let count = 0;
function field(name, hint, input, ...beside) {
  count += 1;
  input.id = `field-${count}`;
  const label = make('label', { for: input.id }, `${name} `, make('span', { class: 'hint' }, hint));
  return make(
    'div',
    { class: 'field' },
    label,
    beside.length > 0 ? make('div', { class: 'beside' }, input, ...beside) : input,
  );
}

/** Keeps `input` at what `suggest` says until somebody types into it. */
function suggested(input, suggest) {
  let isOwn = true;
  const refill = () => {
    if (!isOwn) return;
    const value = suggest();
    if (value !== undefined) input.value = String(value);
  };
  input.addEventListener('input', () => {
    isOwn = false;
  });
  refill();
  refills.push(refill);
  return { isOwn: () => isOwn };
}

function parameterField(parameter, path, form) {
  const { name, in: place, required, description: about } = parameter;
  const schema = follow(parameter.schema);
  const attributes = required ? { required: '' } : {};
  const choices = schema.enum?.map((value) => make('option', {}, String(value)));
  const input = choices
    ? make('select', attributes, make('option', { value: '' }, ''), ...choices)
    : make('input', attributes);
  const before = path.slice(0, path.indexOf(`{${name}}`));
  const isKey = place === 'header' && name.toLowerCase() === 'idempotency-key';
  const beside = [];
  if (isKey) {
    input.value = newKey();
    let isOwn = true;
    input.addEventListener('input', () => {
      isOwn = false;
    });
    form.addEventListener('input', ({ target }) => {
      if (target !== input && isOwn) input.value = newKey();
    });
    beside.push(
      button('New key', () => {
        input.value = newKey();
      }),
    );
  } else
    suggested(
      input,
      () => parameter.example ?? preset(schema) ?? (place === 'path' ? places.get(before) : undefined),
    );
  const hint = [required ? `${place}, required` : place, about].filter(Boolean).join('. ');
  form.append(field(name, hint, input, ...beside));
  return { parameter, input };
}

function bodyField(operation, form) {
  const content = follow(operation.requestBody).content ?? {};
  const [type] = Object.keys(content);
  if (!type) return undefined;
  const media = content[type];
  const input = make('textarea', { spellcheck: 'false' });
  suggested(input, () => JSON.stringify(media.example ?? example(media.schema ?? {}), null, 2));
  input.rows = Math.min(24, input.value.split('\n').length + 1);
  form.append(field('Body', type, input));
  form.append(
    make(
      'details',
      {},
      make('summary', { class: 'hint' }, 'What it may hold'),
      make('pre', { tabindex: '0' }, typeText(media.schema)),
    ),
  );
  return { type, input };
}

/** With what a client may show who it is; empty = with nothing. */
function proofsOf(security = []) {
  const names = security.flatMap((way) => Object.keys(way));
  const proofs = [
    names.includes('bearer') && 'access token',
    names.some((name) => name !== 'bearer') && 'API key',
  ];
  return proofs.filter(Boolean);
}

/** What the gateway asks of a client before the service is asked. */
function conditionsOf({ security, 'x-scopes': scopes, 'x-rate-limit': limit }) {
  const proofs = proofsOf(security);
  return [
    proofs.length > 0 &&
      `Needs an ${proofs.join(' or an ')}${scopes ? ` with one of the scopes ${scopes.join(', ')}` : ''}.`,
    limit && `At most ${limit.limit} requests in ${limit.period}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

function answersOf(operation) {
  const rows = Object.entries(operation.responses ?? {}).map(([status, given]) => {
    const response = follow(given);
    const [media] = Object.values(response.content ?? {});
    const headers = Object.keys(response.headers ?? {});
    const about = make('td', {}, response.description ?? '');
    if (headers.length > 0) about.append(make('div', { class: 'hint' }, `Headers: ${headers.join(', ')}`));
    if (media?.schema)
      about.append(
        make(
          'details',
          {},
          make('summary', { class: 'hint' }, 'Body'),
          make('pre', { tabindex: '0' }, typeText(media.schema)),
        ),
      );
    return make('tr', {}, make('th', { scope: 'row' }, status), about);
  });
  return make('details', {}, make('summary', {}, 'Answers'), make('table', {}, make('tbody', {}, ...rows)));
}

function fill(inside, { path, method, operation }) {
  if (operation.description) inside.append(make('p', {}, operation.description));
  const conditions = conditionsOf(operation);
  if (conditions) inside.append(make('p', { class: 'hint' }, conditions));
  const form = make('form', { 'aria-label': `${method.toUpperCase()} ${path}` });
  const inputs = (operation.parameters ?? [])
    .map(follow)
    .filter(({ name }) => name)
    .map((one) => parameterField(one, path, form));
  const body = bodyField(operation, form);
  const request = () => requestOf({ path, method, inputs, body });
  const send = make('button', { type: 'submit' }, 'Send');
  const copy = button('Copy as curl', async () => {
    // There is no clipboard for pages that came over plain HTTP from another machine.
    await navigator.clipboard?.writeText(curlOf(request()));
    flash(copy, navigator.clipboard ? 'Copied' : 'Not allowed here');
  });
  const result = make('div', { role: 'status', 'aria-live': 'polite' });
  form.append(make('div', { class: 'actions' }, send, copy));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send.disabled = true;
    ask(request(), path)
      .then(
        (parts) => result.replaceChildren(...parts),
        (error) => result.replaceChildren(make('p', { class: 'problem' }, `No answer: ${error.message}`)),
      )
      .finally(() => {
        send.disabled = false;
      });
  });
  inside.append(form, result, make('h3', {}, 'Reference'), answersOf(operation));
}

function flash(element, text) {
  const before = element.textContent;
  element.textContent = text;
  setTimeout(() => {
    element.textContent = before;
  }, 1500);
}

function requestOf({ path, method, inputs, body }) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of inputs) {
    if (input.value === '' && parameter.in !== 'path') continue;
    if (parameter.in === 'path')
      target = target.split(`{${parameter.name}}`).join(encodeURIComponent(input.value));
    if (parameter.in === 'query') query.append(parameter.name, input.value);
    if (parameter.in === 'header') headers[parameter.name] = input.value;
  }
  const text = body?.input.value ?? '';
  if (text !== '') headers['Content-Type'] = body.type;
  return {
    method: method.toUpperCase(),
    target: target + (query.size > 0 ? `?${query}` : ''),
    headers,
    body: text,
  };
}

function curlOf({ method, target, headers, body }) {
  const quote = (text) => `'${text.split("'").join("'\\''")}'`;
  const fields = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  const token = accessToken === '' ? [] : ['-H "Authorization: Bearer $TOKEN"'];
  return [
    'curl -i',
    method !== 'GET' && `-X ${method}`,
    quote(location.origin + target),
    ...fields,
    ...token,
    body && `-d ${quote(body)}`,
  ]
    .filter(Boolean)
    .join(' ');
}

async function ask({ method, target, headers, body }, path) {
  const startedAt = performance.now();
  const answer = await fetch(target, {
    method,
    headers: { ...headers, ...(accessToken !== '' && { Authorization: `Bearer ${accessToken}` }) },
    credentials: 'omit',
    redirect: 'manual',
    ...(body !== '' && { body }),
  });
  const text = await answer.text();
  const tookMs = Math.round(performance.now() - startedAt);
  const json = parse(text);
  if (answer.ok) learn(path, answer, json);
  const line = make(
    'p',
    {},
    make(
      'span',
      { class: `status ${answer.ok ? 'good' : 'bad'}` },
      `${answer.status || 'Redirect'} ${answer.statusText}`.trim(),
    ),
    ` ${tookMs} ms`,
  );
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  const parts = [line];
  if (answer.status === 401 && path !== logInOperation()?.path)
    parts.push(make('p', {}, 'This needs a valid access token. ', button('Log in', openSession)));
  if (text !== '')
    parts.push(
      make('pre', { tabindex: '0', 'aria-label': 'Body' }, ...(json === undefined ? [text] : coloured(json))),
    );
  parts.push(
    make(
      'details',
      {},
      make('summary', { class: 'hint' }, 'Headers'),
      make('pre', { tabindex: '0', 'aria-label': 'Headers' }, fields),
    ),
  );
  return parts;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function coloured(json) {
  const parts = [];
  const text = JSON.stringify(json, null, 2);
  let at = 0;
  for (const found of text.matchAll(
    /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
  )) {
    const [whole, quoted, colon] = found;
    parts.push(text.slice(at, found.index));
    parts.push(
      make('span', { class: colon ? 'key' : quoted ? 'text' : 'value' }, quoted ?? whole),
      colon ?? '',
    );
    at = found.index + whole.length;
  }
  return [...parts, text.slice(at)];
}

/** The operation that takes a password and answers with an access token, if the document has one. */
function logInOperation() {
  return operations.find(({ operation }) => {
    const body = follow(follow(operation.requestBody).content?.['application/json']?.schema);
    const answer = follow(follow(operation.responses?.['200']).content?.['application/json']?.schema);
    return body.properties?.password && (answer.properties?.accessToken || answer.properties?.access_token);
  });
}

function openSession() {
  const found = logInOperation();
  const { properties = {} } = follow(
    follow(found?.operation.requestBody).content?.['application/json']?.schema,
  );
  const inputs = Object.entries(properties).map(([name, held]) => {
    const isSecret = name.toLowerCase().includes('password');
    const input = make('input', {
      name,
      type: isSecret ? 'password' : 'text',
      autocomplete: isSecret ? 'current-password' : 'username',
    });
    input.value = preset(follow(held)) ?? '';
    return field(name, '', input);
  });
  byId('credentials').replaceChildren(...inputs);
  byId('paste').open = inputs.length === 0;
  byId('token').value = '';
  byId('session-problem').textContent = '';
  byId('session').showModal();
}

async function logIn() {
  const pasted = byId('token').value.trim();
  if (pasted !== '') return setToken(pasted, 'Own token');
  const { path, method } = logInOperation() ?? {};
  if (path === undefined) throw new Error('An access token is needed.');
  const values = Object.fromEntries(
    [...byId('credentials').querySelectorAll('input')].map(({ name, value }) => [name, value]),
  );
  const answer = await fetch(path, {
    method: method.toUpperCase(),
    headers: { 'Content-Type': 'application/json' },
    credentials: 'omit',
    body: JSON.stringify(values),
  });
  const body = parse(await answer.text());
  if (!answer.ok) throw new Error(body?.detail ?? `The answer was ${answer.status}.`);
  learn(path, answer, body);
  const [name] = Object.entries(values).find(([key]) => !key.toLowerCase().includes('password')) ?? [];
  return setToken(accessToken, values[name]);
}

byId('log-in').addEventListener('click', () => (accessToken === '' ? openSession() : setToken('')));
byId('cancel').addEventListener('click', () => byId('session').close());
byId('session-form').addEventListener('submit', (event) => {
  event.preventDefault();
  logIn().then(
    () => byId('session').close(),
    (error) => {
      byId('session-problem').textContent = error.message;
    },
  );
});

let operations = [];

function show(entry) {
  const { path, method, operation, id } = entry;
  const badge = () => make('span', { class: `method ${method}` }, method.toUpperCase());
  const summary = make(
    'summary',
    {},
    badge(),
    make('span', { class: 'path' }, path),
    make('span', { class: 'about' }, operation.summary ?? ''),
  );
  const proofs = proofsOf(operation.security).map((proof) => proof.split(' ').at(-1));
  if (proofs.length > 0) summary.append(make('span', { class: 'lock' }, proofs.join(' or ')));
  const inside = make('div', { class: 'inside' });
  entry.details = make('details', { class: 'operation', id }, summary, inside);
  entry.link = make('a', { href: `#${id}` }, badge(), operation.summary?.split(/[;:]/)[0] ?? path);
  entry.words = `${method} ${path} ${operation.summary ?? ''} ${operation.operationId ?? ''}`.toLowerCase();
  // Built when it is opened: a thousand forms cost time that nobody asked for.
  entry.details.addEventListener('toggle', () => inside.childElementCount === 0 && fill(inside, entry));
  return entry;
}

function render() {
  operations = Object.entries(description.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const id = operation.operationId ?? `${method}${path}`;
      return show({
        path,
        method,
        operation,
        id: `op-${id.replace(/[^\w-]/g, '-')}`,
        tag: operation.tags?.[0] ?? 'Other',
      });
    }),
  );
  const groups = Map.groupBy(operations, ({ tag }) => tag);
  for (const [tag, entries] of groups) {
    const heading = make('h2', {}, tag);
    byId('contents').append(make('section', {}, heading, ...entries.map(({ link }) => link)));
    byId('groups').append(
      make('section', { 'aria-label': tag }, make('h2', {}, tag), ...entries.map(({ details }) => details)),
    );
  }
  byId('contents').append(make('section', {}, make('h2', {}, 'Documents'), ...documentLinks()));
  filter();
  open();
}

function documentLinks() {
  const link = (href, text) => make('a', { href }, text);
  const asyncApi = description['x-asyncapi'];
  return [
    link('/docs/openapi.json', 'OpenAPI'),
    ...(asyncApi ? [link(asyncApi, 'AsyncAPI of the events')] : []),
  ];
}

/** Hides and shows, and throws nothing away: what was typed and answered stays. */
function filter() {
  const wanted = byId('filter').value.trim().toLowerCase();
  let shown = 0;
  for (const { details, link, words } of operations) {
    const isHidden = !words.includes(wanted);
    details.hidden = isHidden;
    link.hidden = isHidden;
    if (!isHidden) shown += 1;
  }
  for (const section of document.querySelectorAll('#groups > section, #contents > section'))
    section.hidden = ![...section.children].some((child) => child.tagName !== 'H2' && !child.hidden);
  byId('state').textContent = shown > 0 ? '' : 'No operation matches.';
}

/** Opens what the address names. */
function open() {
  const details = location.hash.startsWith('#op-') ? byId(location.hash.slice(1)) : null;
  if (details === null) return;
  details.open = true;
  details.scrollIntoView();
  details.querySelector('summary').focus({ preventScroll: true });
}

addEventListener('hashchange', open);
byId('contents').addEventListener('click', ({ target }) => {
  const link = target.closest('a');
  if (link?.getAttribute('href') === location.hash) open();
});
byId('filter').addEventListener('input', filter);
addEventListener('keydown', (event) => {
  if (
    event.key !== '/' ||
    event.ctrlKey ||
    event.metaKey ||
    /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
  )
    return;
  event.preventDefault();
  byId('filter').focus();
});

fetch('/docs/openapi.json')
  .then((answer) => answer.json())
  .then((loaded) => {
    description = loaded;
    byId('title').textContent = loaded.info?.title ?? '';
    document.title = byId('title').textContent;
    byId('about').textContent = loaded.info?.description ?? '';
    render();
  })
  .catch((error) => {
    byId('state').textContent = `The description could not be loaded: ${error.message}`;
  });
