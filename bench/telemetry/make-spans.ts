const WARM_UP = 10_000;
const SPANS = 60_000;
/** As many as fit into one batch; then others have their turn, as between requests. */
const AT_ONCE = 256;

type Attributes = Record<string, string | number>;

/** The processor time of a span, from its making to its leaving. `flush` resolves when all have left. */
export async function makeSpans(
  make: (name: string, attributes: Attributes) => unknown,
  flush: () => Promise<unknown>,
): Promise<{ readonly 'µs/span': number }> {
  await makeMany(make, WARM_UP);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = process.cpuUsage();
  await makeMany(make, SPANS);
  await flush();
  const { user, system } = process.cpuUsage(before);
  return { 'µs/span': (user + system) / SPANS };
}

async function makeMany(
  make: (name: string, attributes: Attributes) => unknown,
  spans: number,
): Promise<void> {
  for (let count = 0; count < spans; count += AT_ONCE) {
    for (let index = 0; index < AT_ONCE; index += 1)
      await make('GET /orders/{id}', {
        'http.request.method': 'GET',
        'http.route': '/orders/{id}',
        'url.path': `/orders/${count + index}`,
        'url.scheme': 'http',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
      });
    await new Promise(setImmediate);
  }
}
