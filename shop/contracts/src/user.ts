import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { addressSchema, ONE_LINE, pageOf, pageQuery, timestamp } from './common.ts';

const name = s.string({
  minLength: 1,
  maxLength: 200,
  pattern: ONE_LINE,
  'x-pii': true,
  examples: ['Dana'],
});

/** BCP 47: a language, and what narrows it down. */
const locale = s.string({
  maxLength: 35,
  pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
  description: 'BCP 47. Mails are written in its language, or in English where there is no such translation.',
  examples: ['en', 'de-AT'],
});

/** About accounts and security everybody is written to. */
const wanted = {
  orders: s.boolean({ description: 'Orders received, confirmed, cancelled, refunded.', examples: [true] }),
  shipping: s.boolean({ description: 'Parcels on their way.', examples: [true] }),
};

const version = s.integer({ description: 'Of the ETag: `If-Match: "3"` changes version 3 alone.' });
const ifMatch = s.object({ 'if-match': s.optional(s.string({ maxLength: 200 })) });
const etag = s.object({ ETag: s.string({ examples: ['"3"'] }) });
const changed = { 412: { codes: ['version-changed'], headers: s.object({ ETag: s.optional(s.string()) }) } };

const profileSchema = s.named(
  'Profile',
  s.object({
    id: s.string(),
    email: s.string({ format: 'email', maxLength: 254, 'x-pii': true, examples: ['dana@example.com'] }),
    name: s.string({ minLength: 1, maxLength: 200, 'x-pii': true, examples: ['Dana'] }),
    role: s.string({ examples: ['Customer'] }),
    tenantId: s.nullable(s.string()),
    locale,
    notifications: s.named('Notifications', s.object(wanted)),
    version,
    createdAt: s.string({ format: 'date-time' }),
  }),
);

export const getMe = defineRoute({
  operationId: 'getMe',
  method: 'GET',
  path: '/me',
  summary: 'The profile of the caller',
  access: authenticated,
  responses: { 200: profileSchema },
  responseHeaders: { 200: etag },
  problems: { 404: { codes: ['not-found'] } },
});

export const updateMe = defineRoute({
  operationId: 'updateMe',
  method: 'PATCH',
  path: '/me',
  summary: 'Change name, language or what the caller is written about; what is not named stays as it is',
  access: authenticated,
  headers: ifMatch,
  body: s.object({
    name: s.optional(name),
    locale: s.optional(locale),
    notifications: s.optional(
      s.object({ orders: s.optional(wanted.orders), shipping: s.optional(wanted.shipping) }),
    ),
  }),
  responses: { 200: profileSchema },
  responseHeaders: { 200: etag },
  problems: { 404: { codes: ['not-found'] }, ...changed },
});

const savedAddress = s.named(
  'SavedAddress',
  s.object({
    id: s.string({ format: 'uuid' }),
    address: addressSchema,
    isDefault: s.boolean({
      description: 'The one to offer first: of somebody who has addresses, at most one.',
    }),
    version,
  }),
);

/** Enough for a family with offices; the rest is a mistake or an attack. */
export const MAX_ADDRESSES = 50;

const byId = s.object({ id: s.string({ minLength: 1, maxLength: 64 }) });
const noAddress = { 404: { codes: ['address-not-found'] } };

export const listAddresses = defineRoute({
  operationId: 'listAddresses',
  method: 'GET',
  path: '/me/addresses',
  summary: 'Where the caller has parcels sent to, in the order in which they were added',
  access: authenticated,
  query: s.object(pageQuery),
  responses: { 200: pageOf('AddressPage', savedAddress) },
  problems: { 400: { codes: ['invalid-cursor'] } },
});

export const addAddress = defineRoute({
  operationId: 'addAddress',
  method: 'POST',
  path: '/me/addresses',
  summary: 'Remember an address; the first is the default',
  access: authenticated,
  body: addressSchema,
  responses: { 201: savedAddress },
  responseHeaders: {
    201: s.object({ Location: s.string({ format: 'uri-reference' }), ETag: s.string() }),
  },
  problems: { 422: { codes: ['too-many-addresses'] } },
});

export const putAddress = defineRoute({
  operationId: 'putAddress',
  method: 'PUT',
  path: '/me/addresses/:id',
  summary: 'Change an address',
  access: authenticated,
  params: byId,
  headers: ifMatch,
  body: addressSchema,
  responses: { 200: savedAddress },
  responseHeaders: { 200: etag },
  problems: { ...noAddress, ...changed },
});

export const deleteAddress = defineRoute({
  operationId: 'deleteAddress',
  method: 'DELETE',
  path: '/me/addresses/:id',
  summary: 'Forget an address',
  access: authenticated,
  params: byId,
  headers: ifMatch,
  responses: { 204: null },
  problems: { ...noAddress, ...changed },
});

export const makeDefaultAddress = defineRoute({
  operationId: 'makeDefaultAddress',
  method: 'PUT',
  path: '/me/addresses/:id/default',
  summary: 'Make an address the default in the place of another; its version stays',
  access: authenticated,
  params: byId,
  responses: { 204: null },
  problems: noAddress,
});

/** What others keep a copy of: the name in tokens, how and about what somebody is written to. */
export const profileChanged = defineMessage({
  type: 'user.profile-changed.v1',
  description: 'Somebody has changed their name, their language, or what they are written about.',
  key: (profile) => profile.userId,
  schema: s.object({
    userId: s.string({ minLength: 1, maxLength: 64 }),
    version: s.integer({
      minimum: 1,
      description: 'Grows with each change: a smaller one than that which is known already is out of date.',
    }),
    name: s.string({ minLength: 1, maxLength: 200, 'x-pii': true }),
    locale,
    notifications: s.object(wanted),
    changedAt: timestamp,
  }),
});
