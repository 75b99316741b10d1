import { type DescribedMessage, describeMessages, messageDataSchema } from '@flotilla/messaging';
import { accountChanged, sessionEnded, userRegistered } from './identity.ts';
import {
  emailVerificationAsked,
  passkeyChanged,
  passwordChanged,
  passwordResetAsked,
  secondFactorChanged,
  signedInElsewhere,
} from './identity-mails.ts';
import {
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
} from './inventory.ts';
import {
  orderCancellationRequested,
  orderCancelled,
  orderConfirmed,
  orderCouponPresented,
  orderPaymentAuthorized,
  orderPlaced,
  orderRequested,
  orderShippingGranted,
} from './order.ts';
import { paymentFailed, paymentProcessed, paymentRefunded } from './payment.ts';
import { couponRedeemed, couponRefused, couponReleased } from './pricing.ts';
import { shipmentCreated, shipmentRefused } from './shipping.ts';
import { profileChanged } from './user.ts';

const events: readonly DescribedMessage[] = [
  userRegistered,
  profileChanged,
  sessionEnded,
  accountChanged,
  passwordResetAsked,
  emailVerificationAsked,
  passwordChanged,
  passkeyChanged,
  secondFactorChanged,
  signedInElsewhere,
  orderPlaced,
  orderConfirmed,
  orderCancelled,
  orderRequested,
  orderPaymentAuthorized,
  orderShippingGranted,
  orderCancellationRequested,
  orderCouponPresented,
  inventoryReserved,
  inventoryReservationFailed,
  inventoryCommitted,
  inventoryReleased,
  paymentProcessed,
  paymentFailed,
  paymentRefunded,
  shipmentCreated,
  shipmentRefused,
  couponRedeemed,
  couponRefused,
  couponReleased,
];

export const eventTypes: readonly string[] = events.map(({ type }) => type);

/** What the shop says of its events to consumers that are not of it, by the path where the gateway serves it. */
export function eventDocuments(): Readonly<Record<string, object>> {
  const schemas = events.map((event) => {
    const path = `/docs/events/${event.type}.json`;
    return [path, messageDataSchema(event, path)];
  });
  const described = describeMessages({ title: 'Events of the shop', version: '1', messages: events });
  return { '/docs/asyncapi.json': described, ...Object.fromEntries(schemas) };
}
