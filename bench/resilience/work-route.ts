import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';

export const work = defineRoute({
  method: 'GET',
  path: '/work',
  summary: 'Takes a while',
  access: 'public',
  responses: { 200: s.object({}) },
});
