/** Operations that need no crash points wherever they are called, and why. */
export const NO_EFFECTS: Readonly<Record<string, string>> = {
  'leases.release': 'the right to work: what dies with its process ends by itself',
  'leases.leave': 'the right to work',
  'store.release': 'the right to work',
  'store.leave': 'the right to work',
  'store.fetch': 'reads what there is to do',
  'store.lease': 'the right to work',
  'store.takeOverdue': 'the right to work',
  'store.claim': 'the right to work',
  'store.horizon': 'reads what was given out',
  'store.raiseBounds': 'only says where there is nothing to read any more',
  'held.takeDue':
    'the right to work, and the count of who dies with it; consumer.after-take-due is behind it',
  'held.add': 'a set in memory',
  'held.putBack': 'the right to work',
  'mails.claim': 'the right to work',
  claimDue: 'the right to work',
  renewLeases: 'the right to work',
  releaseLeases: 'the right to work, given back',
  freePreviousLife: 'the right to work',
  'store.handOver': 'the right to work',
  rest: 'the right to work, given back until something is due',
  makeDue: 'only says that it may be tried earlier',
  forgetOldMessages: 'housekeeping: deletes what nobody asks for any more',
  deleteEnded: 'housekeeping',
  deleteSettled: 'housekeeping',
  'keys.prune': 'housekeeping',
  'checkouts.forget': 'housekeeping',
  'quotes.forget': 'housekeeping',
  'exports.forget': 'housekeeping',
};

/** An effect without a crash point on both sides in its own function. */
export interface Exemption {
  /** File and function. */
  readonly in: string;
  readonly what: string;
  /** Points that stand elsewhere: in the function that calls this one, or that is called by it. */
  readonly points?: readonly string[];
  readonly because: string;
}

export const EXEMPTIONS: readonly Exemption[] = [
  ...['db.query SELECT in read', 'db.query SELECT in run'].map((what) => ({
    in: `platform/messaging/src/bus/notices.ts ${what.split(' ').at(-1)}`,
    what: 'db.query SELECT',
    because: 'reads, declares what is there already the next time, and deletes what nobody reads any more',
  })),
  {
    in: 'platform/messaging/src/rabbitmq/consume/notices.ts take',
    what: 'from.ack',
    because: 'of a stream it takes nothing: it only asks for more',
  },
  {
    in: 'platform/messaging/src/bus/acknowledger.ts acknowledgeUntilStored',
    what: 'source.ack',
    points: ['consumer.after-commit', 'consumer.after-ack'],
    because: 'what it acknowledges was committed just before, and its caller passes the point behind it',
  },
  {
    in: 'platform/messaging/src/inbox/task-batches.ts commitTogether',
    what: 'db.transaction',
    points: ['consumer.before-commit', 'consumer.after-commit'],
    because: 'the first is in the function that it runs',
  },
  {
    in: 'platform/messaging/src/outbox/relay-pump.ts confirm',
    what: 'store.confirm',
    points: ['relay.after-publish', 'relay.after-delete'],
    because: 'it is called right after the first',
  },
  ...['held-batches.ts handle', 'message-processor.ts readAll'].map((place) => ({
    in: `platform/messaging/src/inbox/${place}`,
    what: 'settling.bury',
    points: ['consumer.before-bury', 'consumer.after-bury'],
    because: 'they are in what it calls',
  })),
  ...['bury', 'settleFailure'].map((name) => ({
    in: `platform/messaging/src/inbox/settling.ts ${name}`,
    what: 'held.bury',
    points: ['consumer.before-bury', 'consumer.after-bury'],
    because: 'they surround the write that is handed over',
  })),
  {
    in: 'platform/messaging/src/bus/postgres-transport.ts declare',
    what: 'db.query SELECT',
    because: 'done at each start, the same again changes nothing',
  },
  {
    in: 'platform/messaging/src/rabbitmq/consume/consumption.ts acknowledge',
    what: 'channel.ack',
    points: ['rabbitmq.before-ack', 'rabbitmq.after-ack'],
    because: 'they surround its only call',
  },
  {
    in: 'platform/event-store/src/aggregate.ts keepSnapshot',
    what: 'writeSnapshot',
    points: ['snapshot.before-write', 'snapshot.after-write'],
    because: 'they are in what it calls',
  },
  {
    in: 'platform/event-store/src/projection/projection-commands.ts requestProjection',
    what: 'db.query INSERT',
    because: 'a wish in one statement, with nothing behind it but the answer',
  },
  {
    in: 'platform/event-store/src/projection/claim-generation.ts reserveEvents',
    what: 'failGeneration',
    points: ['projection.before-mark-commit', 'projection.after-mark-commit'],
    because: 'it writes in a transaction of its caller, which passes the second after its commit',
  },
  {
    in: 'platform/event-store/src/projection/projection-runner.ts close',
    what: 'releaseWork',
    because: 'without it a successor handles events one by one, as after a crash',
  },
  {
    in: 'platform/event-store/src/projection/switch-generation.ts trySwitch',
    what: 'db.transaction',
    points: ['projection.before-switch-commit', 'projection.after-switch-commit'],
    because: 'the second is the first thing that its caller does',
  },
  {
    in: 'platform/saga/src/run/record-step.ts writeTogether',
    what: 'db.transaction',
    points: ['saga.before-record-commit', 'saga.after-record-commit'],
    because: 'the first is in passCrashPoints, the second in its caller',
  },
  {
    in: 'platform/saga/src/run/take-message.ts takeMessage',
    what: 'keepMessage',
    points: ['saga.before-reply-commit', 'saga.after-reply-commit'],
    because: 'it writes in a transaction that ends between the two',
  },
  {
    in: 'platform/saga/src/operate/operator-loop.ts deliverParked',
    what: 'db.transaction',
    points: ['saga.before-reply-commit', 'saga.after-reply-commit'],
    because: 'they are in what it runs',
  },
  ...['operate/operator-loop.ts runNext', 'engine/engine.ts operate'].map((place) => ({
    in: `platform/saga/src/${place}`,
    what: 'db.transaction',
    points: ['saga.before-operation-commit', 'saga.after-operation-commit'],
    because: 'they are in what it runs',
  })),
  ...['request', 'withdraw'].map((name) => ({
    in: `platform/saga/src/operate/operator.ts ${name}`,
    what: `${name === 'request' ? 'insert' : 'withdraw'}Operation`,
    because: 'a wish in one statement, with nothing behind it but the answer',
  })),
  ...['db.query UPDATE', 'db.transaction'].map((what) => ({
    in: 'platform/saga/src/operate/migrate-old.ts migrateOld',
    what,
    points: ['saga.before-migrate-commit', 'saga.after-migrate-commit'],
    because: 'it takes the leases; each migration is a transaction of its own, with the two in what it calls',
  })),
  ...['place', 'cancel', 'handOver', 'settle', 'setIntake'].map((name) => ({
    in: `shop/legacy/src/orders.ts ${name}`,
    what: 'db.transaction',
    because: 'the monolith: one transaction is all there is, and asked again it says that it is done',
  })),
  {
    in: 'shop/legacy/src/demo-orders.ts addDemoOrders',
    what: 'db.transaction',
    because: 'demo data: all or nothing, and made at the next start',
  },
  {
    in: 'shop/order/src/features/move-legacy-orders.ts createMoveRound',
    what: 'db.query UPDATE',
    because: 'what the last comparison found: the next round finds it again',
  },
  {
    in: 'shop/order/src/tasks/move-legacy-orders.ts run',
    what: 'db.query UPDATE',
    because: 'what an operator wants, in one statement',
  },
  {
    in: 'shop/cart/src/check-out.ts order',
    what: 'placeOrder',
    points: ['cart.after-checkout-recorded', 'cart.after-order-answered'],
    because: 'its caller passes them before and after it',
  },
  ...['checkouts.leave', 'checkouts.ordered', 'checkouts.refuse', 'db.transaction'].map((what) => ({
    in: 'shop/cart/src/check-out.ts note',
    what,
    points: ['cart.after-order-answered', 'cart.after-answer-noted'],
    because: 'its caller passes them before and after it',
  })),
  {
    in: 'shop/cart/src/check-out.ts order',
    what: 'checkouts.leave',
    because: 'a mark that is lost runs out by itself',
  },
  {
    in: 'shop/cart/src/check-out.ts settleEarlier',
    what: 'db.transaction',
    points: ['cart.after-checkout-recorded', 'cart.before-checkout-recorded'],
    because: 'its caller passes them before it and, in its next round, after it',
  },
  ...['remove', 'put', 'clear'].map((name) => ({
    in: 'shop/cart/src/http.ts cartRoutes',
    what: `carts.${name}`,
    because: 'one statement that says what the cart is, with nothing behind it but the answer',
  })),
  ...[
    ['features/log-in.ts logIn', 'db.transaction'],
    ['features/authenticate.ts letIn', 'throttle.succeeded'],
    ['features/authenticate.ts checkPassword', 'accounts.rehash'],
    ['features/authenticate.ts useCode', 'throttle.succeeded'],
    ['features/second-factor.ts enrol', 'secondFactors.makeSecret'],
    ['oidc/interactions.ts takeConsent', 'scope.transaction'],
    ['oidc/interactions.ts finishLogin', 'scope.transaction'],
    ['oidc/interactions.ts refuse', 'scope.transaction'],
  ].map(([place, what = '']) => ({
    in: `shop/identity/src/${place}`,
    what,
    because: 'a step of a login, in one transaction: whoever got no answer takes it again',
  })),
  {
    in: 'shop/identity/src/features/passkeys.ts usePasskey',
    what: 'throttle.succeeded',
    points: ['identity.after-passkey'],
    because: 'only forgets failed logins: without it the owner waits as long as before',
  },
  {
    in: 'shop/identity/src/features/reset-password.ts resetPassword',
    what: 'throttle.succeeded',
    points: ['identity.after-password-reset'],
    because: 'only forgets failed logins: without it the owner waits as long as before',
  },
  ...[
    ['tasks/rotate-keys.ts run', 'rotateKeys'],
    ['operators/users.ts setDisabled', 'db.transaction'],
    ['operators/users.ts sendReset', 'db.transaction'],
    ['operators/users.ts removeSecondFactor', 'db.transaction'],
    ['operators/sessions.ts end', 'db.transaction'],
    ['operators/sessions.ts endAll', 'db.transaction'],
    ['operators/clients.ts rotate', 'db.transaction'],
  ].map(([place, what = '']) => ({
    in: `shop/identity/src/${place}`,
    what,
    because: 'one transaction of an operator, who sees whether it ended; a second time does no harm',
  })),
  {
    in: 'shop/identity/src/features/make-administrator.ts promote',
    what: 'db.transaction',
    because: 'one transaction of an operator, who sees whether it ended; the second time it does nothing',
  },
  {
    in: 'shop/inventory/src/features/import-products.ts importProducts',
    what: 'catalogue.merge',
    because: 'one transaction of an operator, who sees whether it ended; the second time it does nothing',
  },
  {
    in: 'shop/inventory/src/app.ts addDemoProducts',
    what: 'catalogue.add',
    because: 'demo data, added at each start where it is missing',
  },
  {
    in: 'shop/inventory/src/features/expire-reservations.ts expireBatch',
    what: 'stock.expireDue',
    because: 'one transaction that is told to nobody; the next round finds what is left',
  },
  {
    in: 'shop/inventory/src/http.ts createInventoryHandlers',
    what: 'stock.setOnHand',
    because: 'an absolute number, in one transaction with nothing behind it but the answer',
  },
  {
    in: 'shop/notification/src/app.ts createNotificationApp',
    what: 'mails.deliverQueued',
    because: 'done at each start, the same again changes nothing',
  },
  {
    in: 'shop/notification/src/mail-sender.ts handleFailure',
    what: 'mails.markFailed',
    because: 'a mark that is lost leaves the mail to be tried again when its lease ends',
  },
  ...[
    'reserveStock',
    'releaseStock',
    'redeemCoupon',
    'releaseCoupon',
    'charge',
    'refund',
    'commitStock',
    'ship',
  ].map((name) => ({
    in: `shop/order/src/features/place-order-saga.ts ${/^re[lf]/.test(name) ? 'undo' : 'do'}`,
    what: `participants.${name}`,
    points: /^re[lf]/.test(name)
      ? ['saga.before-undo', 'saga.after-undo']
      : ['saga.before-call', 'saga.after-call'],
    because: 'the saga engine calls it between the two',
  })),
  {
    in: 'shop/order/src/app.ts agreeOnPrice',
    what: 'participants.agreeOnPrice',
    because: 'a quote: nobody is bound by it, and one that was asked for in vain is forgotten',
  },
  {
    in: 'shop/order/src/features/place-order.ts accept',
    what: 'db.transaction',
    points: ['order.before-place-commit', 'order.after-place-commit'],
    because: 'the second is the first thing that its caller does',
  },
  {
    in: 'shop/order/src/features/place-order.ts answerOfFirst',
    what: 'keys.record',
    points: ['order.before-answer-recorded', 'order.after-answer-recorded'],
    because: 'the same write as of the first request, which passes them; whoever is first decides',
  },
  {
    in: 'shop/order/src/features/each-alone.ts attempt',
    what: 'db.transaction',
    points: ['order.before-turn-commit', 'order.after-turn-commit'],
    because:
      'they are in what it runs for an order that is cancelled; questions that are asked again and lost come with the next round, twice they are answered twice',
  },
  {
    in: 'shop/order/src/http.ts orderRoutes',
    what: 'placeOrder',
    because: 'the feature of this service, whose effects are looked at where they are',
  },
  {
    in: 'shop/pricing/src/features/quote.ts makeQuote',
    what: 'quotes.save',
    because: 'one row with nothing behind it but the answer; a quote that nobody was given is forgotten',
  },
  ...['addPromotion', 'changePromotion', 'removePromotion', 'putListPrice'].map((name) => ({
    in: 'shop/pricing/src/http.ts promotionRoutes',
    what: `rules.${name}`,
    because:
      'one transaction of an operator, with nothing behind it but the answer; the second time it does nothing',
  })),
  {
    in: 'shop/pricing/src/http.ts couponRoutes',
    what: 'coupons.issue',
    because: 'one transaction of an operator, with nothing behind it but the answer',
  },
  ...[
    'rules.addPromotion',
    'rules.changePromotion',
    'rules.putListPrice',
    'rules.putTaxRate',
    'rules.putShippingRate',
    'coupons.issue',
  ].map((what) => ({
    in: 'shop/pricing/src/features/import-prices.ts importPrices',
    what,
    because: 'an import of an operator, who sees whether it ended; the second time it does nothing',
  })),
  ...['rules.addPromotion', 'coupons.issue', 'rules.putTaxRate'].map((what) => ({
    in: 'shop/pricing/src/demo-prices.ts addDemoPrices',
    what,
    because: 'demo data, added at each start where it is missing',
  })),
  ...['store.change', 'change', 'db.transaction'].map((what) => ({
    in: 'shop/payment/src/outcome-events.ts change',
    what,
    points: ['payment.before-outcome-commit', 'payment.after-outcome-commit'],
    because: 'a store around a store: its callers pass them',
  })),
  {
    in: 'shop/payment/src/features/charge-order.ts attemptCharge',
    what: 'provider.charge',
    points: ['payment.before-provider-call', 'payment.after-provider-call'],
    because: 'the second is in chargeOrder, behind all attempts',
  },
  {
    in: 'shop/payment/src/features/refund-order.ts finishClosing',
    what: 'provider.voidCharge',
    points: ['payment.after-close-commit', 'payment.before-outcome-commit'],
    because: 'the order was closed just before, and what it answers is recorded next',
  },
  {
    in: 'shop/payment/src/features/refund-order.ts closeOrder',
    what: 'store.bury',
    because: 'one statement with nothing behind it but the answer; the same again changes nothing',
  },
  ...[
    ['createProviderApp', 'store.void'],
    ['makeCharge', 'store.refuse'],
  ].map(([name, what = '']) => ({
    in: `shop/payment-provider/src/app.ts ${name}`,
    what,
    because: 'the test provider: one statement by a unique key, the same again changes nothing',
  })),
];
