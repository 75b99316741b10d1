/**
 * Who may call what: every declared route and gRPC method, with the service that serves it, and what each caller gets from the layer in front of it.
 * `in` reaches the handler. A route that is declared and has no line here fails, as does a line without a route.
 */
export const MATRIX = `
| service          | endpoint                              | anonymous | customer | admin | order | cart | other service | cart for customer | order for customer | stranger's client |
| ---------------- | ------------------------------------- | --------- | -------- | ----- | ----- | ---- | ------------- | ----------------- | ------------------ | ----------------- |
| identity         | POST /users                           | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /auth/login                      | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /auth/refresh                    | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /auth/logout                     | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | GET /identity/jwks                    | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /internal/token                  | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | GET /me/sessions                      | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | DELETE /me/sessions                   | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | DELETE /me/sessions/:id               | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /me/password                     | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /me/email-verification           | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | GET /me/second-factor                 | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /me/second-factor                | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /me/second-factor/confirm        | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /me/second-factor/remove         | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /auth/forgot-password            | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /auth/reset-password             | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| identity         | POST /auth/verify-email               | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| user             | POST /me/export                       | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | GET /me/exports/:id                   | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | DELETE /me                            | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | GET /erasures/:id                     | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| user             | GET /me                               | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | PATCH /me                             | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | GET /me/addresses                     | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | POST /me/addresses                    | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | PUT /me/addresses/:id                 | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | PUT /me/addresses/:id/default         | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| user             | DELETE /me/addresses/:id              | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| inventory        | GET /products                         | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| inventory        | GET /products/:id                     | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| inventory        | GET /products/:id/image.svg           | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| inventory        | GET /products/:id/thumbnail.svg       | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| inventory        | GET /products/:id/availability        | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| inventory        | PUT /products/:id/stock               | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| inventory        | POST /internal/products/lookup        | 401       | 403      | 403   | in    | in   | 403           | 403               | 403                | 403               |
| inventory        | POST /internal/products/show          | 401       | 403      | 403   | in    | in   | 403           | 403               | 403                | 403               |
| inventory        | InventoryService/CheckAvailability    | 401       | 403      | 403   | in    | in   | 403           | 403               | 403                | 403               |
| inventory        | InventoryService/ReserveStock         | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| inventory        | InventoryService/ReleaseStock         | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| inventory        | InventoryService/CommitStock          | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /quotes                          | 401       | in       | in    | in    | 403  | 403           | 403               | in                 | 403               |
| pricing          | GET /quotes/:id                       | 401       | in       | in    | in    | 403  | 403           | 403               | in                 | 403               |
| pricing          | GET /promotions                       | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /promotions                      | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | PUT /promotions/:id                   | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | DELETE /promotions/:id                | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /coupons                         | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | GET /coupons/:code                    | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | PUT /prices/:productId                | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | GET /prices/:productId                | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /internal/quotes/confirm         | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| pricing          | PUT /internal/redemptions/:orderId    | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| pricing          | DELETE /internal/redemptions/:orderId | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| cart             | GET /cart                             | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| cart             | PUT /cart/items/:productId            | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| cart             | DELETE /cart                          | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| cart             | POST /cart/checkout                   | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| order            | POST /orders                          | 401       | in       | in    | 403   | 403  | 403           | in                | 403                | 403               |
| order            | GET /orders                           | 401       | in       | in    | 403   | 403  | 403           | in                | 403                | 403               |
| order            | GET /orders/:id                       | 401       | in       | in    | 403   | 403  | 403           | in                | 403                | 403               |
| order            | GET /orders/:id/events                | 401       | in       | in    | 403   | 403  | 403           | in                | 403                | 403               |
| order            | POST /orders/:id/cancel               | 401       | in       | in    | 403   | 403  | 403           | in                | 403                | 403               |
| web-bff          | GET /bff/user                         | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| web-bff          | POST /bff/logout                      | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| web-bff          | POST /bff/vitals                      | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| web-bff          | GET /sitemap.xml                      | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| web-bff          | GET /web/home                         | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| mobile-bff       | GET /mobile/home                      | 401       | in       | in    | 403      | 403  | 403           | 403               | 403                | 403               |
| payment          | PUT /internal/payments/:orderId         | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| payment          | POST /internal/payments/:orderId/refund | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| shipping         | PUT /internal/shipments/:orderId      | 401       | 403      | 403   | in    | 403  | 403           | 403               | 403                | 403               |
| recommendation   | GET /products/:id/also-bought         | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| recommendation   | GET /recommendations                  | in        | in       | in    | in    | in   | in            | in                | in                 | in                |
| recommendation   | GET /me/recommendations               | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| recommendation   | GET /me/viewed                        | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| recommendation   | PUT /me/viewed/:id                    | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| recommendation   | DELETE /me/viewed                     | 401       | in       | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| notification     | GET /internal/mails                   | 401       | 403      | in    | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| identity         | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| order            | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| order            | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| payment          | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| payment          | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| shipping         | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| shipping         | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| cart             | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| cart             | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| pricing          | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| recommendation   | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| recommendation   | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| notification     | POST /internal/people/:userId/export  | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| notification     | POST /internal/people/:userId/erase   | 401       | 403      | 403   | 403   | 403  | 403           | 403               | 403                | 403               |
| legacy | GET /api/orders/:id | 401 | in | in | 403 | 403 | 403 | 403 | in | 403 |
| legacy | POST /api/orders | 401 | in | in | 403 | 403 | 403 | 403 | in | 403 |
| legacy | POST /api/orders/:id/cancel | 401 | in | in | 403 | 403 | 403 | 403 | in | 403 |
| legacy | GET /internal/legacy-orders | 401 | 403 | 403 | in | 403 | 403 | 403 | 403 | 403 |
| legacy | GET /internal/legacy-orders/:number | 401 | 403 | 403 | in | 403 | 403 | 403 | 403 | 403 |
| legacy | PUT /internal/legacy-orders/:number/owner | 401 | 403 | 403 | in | 403 | 403 | 403 | 403 | 403 |
| legacy | PUT /internal/legacy-orders/:number/cancellation | 401 | 403 | 403 | in | 403 | 403 | 403 | 403 | 403 |
| legacy | PUT /internal/legacy-intake | 401 | 403 | 403 | in | 403 | 403 | 403 | 403 | 403 |
| legacy | POST /internal/people/:userId/export | 401 | 403 | 403 | 403 | 403 | 403 | 403 | 403 | 403 |
| legacy | POST /internal/people/:userId/erase | 401 | 403 | 403 | 403 | 403 | 403 | 403 | 403 | 403 |
| payment-provider | POST /charges                         | 401       | 401      | 401   | 401   | 401  | 401           | 401               | 401                | 401               |
| payment-provider | GET /charges/:key                     | 401       | 401      | 401   | 401   | 401  | 401           | 401               | 401                | 401               |
| payment-provider | POST /charges/:key/refunds            | 401       | 401      | 401   | 401   | 401  | 401           | 401               | 401                | 401               |
| payment-provider | POST /charges/:key/void               | 401       | 401      | 401   | 401   | 401  | 401           | 401               | 401                | 401               |
`;

export interface Line {
  readonly service: string;
  readonly endpoint: string;
  /** By caller: `in` or a status. */
  readonly expected: Readonly<Record<string, string>>;
}

export function readMatrix(table: string): readonly Line[] {
  const [head = [], , ...rows] = table
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [, , ...callers] = head;
  return rows.map(([service = '', endpoint = '', ...cells]) => {
    const expected = Object.fromEntries(callers.map((caller, n) => [caller, cells[n] ?? '']));
    return { service, endpoint, expected };
  });
}
