import type { Words } from './words.ts';

export const GERMAN: Words = {
  greeting: (name) => (name === undefined ? 'Guten Tag,' : `Guten Tag ${name},`),
  signature: 'Ihr Flotilla-Shop',
  choice: 'Welche Mails zu Bestellungen und Paketen Sie bekommen, wählen Sie in Ihrem Konto.',
  welcome: {
    subject: 'Willkommen im Flotilla-Shop',
    paragraphs: [
      'Ihr Konto ist bereit. Sie melden sich mit dieser E-Mail-Adresse und dem gewählten Passwort an.',
      'Falls nicht Sie es waren, können Sie diese Mail ignorieren: ohne das Passwort kann niemand in Ihrem Namen bestellen.',
    ],
  },
  received: {
    subject: (orderId) => `Wir haben Ihre Bestellung ${orderId} erhalten`,
    paragraphs: [
      'Vielen Dank für Ihre Bestellung. Wir schreiben Ihnen wieder, sobald sie bestätigt ist oder falls sie nicht möglich ist.',
    ],
  },
  confirmed: {
    subject: (orderId) => `Ihre Bestellung ${orderId} ist bestätigt`,
    paragraphs: ['Vielen Dank für Ihre Bestellung. Sie ist bezahlt und bald auf dem Weg zu Ihnen.'],
  },
  shipped: {
    subject: (orderId) => `Ein Paket zu Ihrer Bestellung ${orderId}`,
    paragraphs: ['Ihre Bestellung wurde dem Zusteller übergeben.'],
    shipment: (shipmentId) => `Sendung ${shipmentId}`,
  },
  cancelled: {
    subject: (orderId) => `Ihre Bestellung ${orderId} wurde storniert`,
    because: (reason) => `Ihre Bestellung wurde storniert: ${reason}.`,
    reasons: {
      'out-of-stock': 'von einem Produkt war nicht mehr genug da',
      'payment-declined': 'Ihre Zahlung wurde abgelehnt',
      'shipping-unavailable': 'an Ihre Adresse können wir nicht liefern',
      'cancelled-by-customer': 'Sie haben darum gebeten',
      'order-expired': 'wir konnten sie nicht rechtzeitig abschließen',
      'coupon-used': 'der Gutschein war schon eingelöst',
      'coupon-expired': 'der Gutschein war abgelaufen',
    },
    otherwise: 'wir konnten sie nicht abschließen',
    refund: 'Sie zahlen nichts: was für diese Bestellung abgebucht wurde, ist vollständig erstattet.',
  },
  order: {
    title: (orderId) => `Bestellung ${orderId}`,
    item: ({ quantity, name, price }) => `${quantity} × ${name}, je ${price}`,
    total: (amount) => `Summe: ${amount}`,
  },
  reset: {
    subject: 'Neues Passwort wählen',
    before: 'Jemand hat ein neues Passwort für Ihr Konto angefordert. Mit diesem Link wählen Sie eines:',
    after: (until) =>
      `Er gilt einmal, bis ${until}. Falls nicht Sie es waren, können Sie diese Mail ignorieren: Ihr Passwort bleibt, wie es ist.`,
  },
  verify: {
    subject: 'E-Mail-Adresse bestätigen',
    before: 'Bitte bestätigen Sie, dass diese Adresse Ihnen gehört:',
    after: (until) =>
      `Der Link gilt bis ${until}. Falls Sie kein Konto bei uns haben, können Sie diese Mail ignorieren.`,
  },
  passwordChanged: {
    subject: 'Ihr Passwort wurde geändert',
    when: (at) =>
      `Das Passwort Ihres Kontos wurde am ${at} geändert. Wer anderswo angemeldet war, ist abgemeldet.`,
    otherwise:
      'Falls nicht Sie es waren, wählen Sie jetzt ein neues: bei der Anmeldung unter „Forgotten your password?“.',
  },
  secondFactor: {
    on: {
      subject: 'Ihr zweiter Faktor ist an',
      since: (at) => `Seit ${at} braucht die Anmeldung an Ihrem Konto neben dem Passwort den Code einer App.`,
    },
    off: {
      subject: 'Ihr zweiter Faktor ist aus',
      since: (at) => `Seit ${at} braucht die Anmeldung an Ihrem Konto keinen Code einer App mehr.`,
    },
    otherwise:
      'Falls nicht Sie es waren, kennt jemand Ihr Passwort: wählen Sie ein neues, und schreiben Sie uns.',
  },
  passkey: {
    added: {
      subject: 'Ihr Konto hat einen neuen Passkey',
      since: (at, passkey) =>
        `Seit ${at} kann man sich mit einem Passkey an Ihrem Konto anmelden: ${passkey}.`,
      otherwise:
        'Falls nicht Sie es waren, entfernen Sie ihn, wählen Sie ein neues Passwort, und schreiben Sie uns.',
    },
    removed: {
      subject: 'Ein Passkey Ihres Kontos wurde entfernt',
      since: (at, passkey) => `Seit ${at} meldet dieser Passkey nicht mehr an Ihrem Konto an: ${passkey}.`,
      otherwise: 'Falls nicht Sie es waren, wählen Sie ein neues Passwort, und schreiben Sie uns.',
    },
  },
  signedIn: {
    subject: 'Neue Anmeldung in Ihrem Konto',
    before:
      'In Ihrem Konto hat sich jemand von einem Gerät oder Ort angemeldet, den wir zuletzt nicht gesehen haben:',
    from: (address) => `von ${address}`,
    after:
      'Falls Sie es waren, ist nichts zu tun. Falls nicht, ändern Sie Ihr Passwort: damit werden alle anderen abgemeldet.',
  },
};
