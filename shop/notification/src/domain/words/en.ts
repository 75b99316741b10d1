import type { Words } from './words.ts';

export const ENGLISH: Words = {
  greeting: (name) => (name === undefined ? 'Hello,' : `Hello ${name},`),
  signature: 'The Flotilla shop',
  choice: 'Which mails about orders and parcels you get you choose in your account.',
  welcome: {
    subject: 'Welcome to the Flotilla shop',
    paragraphs: [
      'Your account is ready. You can log in with this e-mail address and the password you chose.',
      'If it was not you who signed up, you can ignore this mail: nobody can order in your name without the password.',
    ],
  },
  received: {
    subject: (orderId) => `We have received your order ${orderId}`,
    paragraphs: ['Thank you for your order. We write to you again when it is confirmed, or if it cannot be.'],
  },
  confirmed: {
    subject: (orderId) => `Your order ${orderId} is confirmed`,
    paragraphs: ['Thank you for your order. It is paid and will be on its way to you soon.'],
  },
  shipped: {
    subject: (orderId) => `A parcel of your order ${orderId}`,
    paragraphs: ['What you ordered has been handed to the carrier.'],
    shipment: (shipmentId) => `Shipment ${shipmentId}`,
  },
  cancelled: {
    subject: (orderId) => `Your order ${orderId} was cancelled`,
    because: (reason) => `Your order was cancelled: ${reason}.`,
    reasons: {
      'out-of-stock': 'not enough of a product was left',
      'payment-declined': 'your payment was declined',
      'shipping-unavailable': 'we cannot ship to your address',
      'cancelled-by-customer': 'you asked us to',
      'order-expired': 'we could not complete it in time',
      'coupon-used': 'its coupon had been used',
      'coupon-expired': 'its coupon had expired',
    },
    otherwise: 'we could not complete it',
    refund: 'You pay nothing: whatever was charged for this order has been refunded in full.',
  },
  order: {
    title: (orderId) => `Order ${orderId}`,
    item: ({ quantity, name, price }) => `${quantity} × ${name}, ${price} each`,
    total: (amount) => `Total: ${amount}`,
  },
  reset: {
    subject: 'Choose a new password',
    before: 'Somebody asked for a new password of your account. With this link you choose one:',
    after: (until) =>
      `It works once, until ${until}. If it was not you, you can ignore this mail: your password stays as it is.`,
  },
  verify: {
    subject: 'Confirm your e-mail address',
    before: 'Please confirm that this address is yours:',
    after: (until) =>
      `The link works until ${until}. If you have no account with us, you can ignore this mail.`,
  },
  passwordChanged: {
    subject: 'Your password was changed',
    when: (at) =>
      `The password of your account was changed on ${at}. Everybody who was signed in elsewhere is signed out.`,
    otherwise: 'If it was not you, choose a new one now: at the sign-in, follow "Forgotten your password?".',
  },
  secondFactor: {
    on: {
      subject: 'Your second factor is on',
      since: (at) => `Since ${at}, signing in to your account takes a code of an app besides the password.`,
    },
    off: {
      subject: 'Your second factor is off',
      since: (at) => `Since ${at}, signing in to your account takes no code of an app any more.`,
    },
    otherwise: 'If it was not you, somebody knows your password: choose a new one, and write to us.',
  },
  passkey: {
    added: {
      subject: 'A passkey was added to your account',
      since: (at, passkey) => `Since ${at}, a passkey signs in to your account: ${passkey}.`,
      otherwise: 'If it was not you, remove it, choose a new password, and write to us.',
    },
    removed: {
      subject: 'A passkey was removed from your account',
      since: (at, passkey) =>
        `Since ${at}, this passkey does not sign in to your account any more: ${passkey}.`,
      otherwise: 'If it was not you, choose a new password, and write to us.',
    },
  },
  signedIn: {
    subject: 'A new sign-in to your account',
    before: 'Your account was signed in to from a device or a place that we have not seen lately:',
    from: (address) => `from ${address}`,
    after:
      'If it was you, there is nothing to do. If not, change your password: that signs everybody else out.',
  },
};
