/** What mails say, in one language. Amounts and times come as they are written there. */
export interface Words {
  greeting(name: string | undefined): string;
  readonly signature: string;
  /** Where to choose which mails to get. */
  readonly choice: string;
  readonly welcome: { readonly subject: string; readonly paragraphs: readonly string[] };
  readonly received: { subject(orderId: string): string; readonly paragraphs: readonly string[] };
  readonly confirmed: { subject(orderId: string): string; readonly paragraphs: readonly string[] };
  readonly shipped: {
    subject(orderId: string): string;
    readonly paragraphs: readonly string[];
    shipment(shipmentId: string): string;
  };
  readonly cancelled: {
    subject(orderId: string): string;
    because(reason: string): string;
    readonly reasons: Readonly<Record<string, string>>;
    readonly otherwise: string;
    readonly refund: string;
  };
  readonly order: {
    title(orderId: string): string;
    item(item: { readonly quantity: number; readonly name: string; readonly price: string }): string;
    total(amount: string): string;
  };
  readonly reset: { readonly subject: string; readonly before: string; after(until: string): string };
  readonly verify: { readonly subject: string; readonly before: string; after(until: string): string };
  readonly passwordChanged: {
    readonly subject: string;
    when(at: string): string;
    readonly otherwise: string;
  };
  readonly secondFactor: {
    readonly on: { readonly subject: string; since(at: string): string };
    readonly off: { readonly subject: string; since(at: string): string };
    readonly otherwise: string;
  };
  readonly passkey: {
    readonly added: PasskeyWords;
    readonly removed: PasskeyWords;
  };
  readonly signedIn: {
    readonly subject: string;
    readonly before: string;
    from(address: string): string;
    readonly after: string;
  };
}

interface PasskeyWords {
  readonly subject: string;
  since(at: string, passkey: string): string;
  readonly otherwise: string;
}
