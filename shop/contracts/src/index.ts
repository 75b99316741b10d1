export { getSessionUser, logOutBrowser } from '@flotilla/bff/routes';
export {
  adminOnly,
  canManageOrders,
  canPrice,
  canReadInventory,
  canReadOrders,
  canShip,
  canTakePayments,
  canWriteInventory,
} from './access.ts';
export { cartSchema, checkOutCart, clearCart, getCart, putCartItem } from './cart.ts';
export {
  addressSchema,
  couponCode,
  idempotencyKey,
  MAX_QUANTITY,
  moneySchema,
  orderId,
  orderLineSchema,
  paymentSchema,
  productId,
  quantity,
} from './common.ts';
export { demoAccountId } from './demo-accounts.ts';
export { eventDocuments, eventTypes } from './event-documents.ts';
export { ORDER_MESSAGE_RETRY, orderAnswerId, orderFactId } from './facts.ts';
export {
  getMobileHome,
  getSitemap,
  getWebHome,
  orderCardSchema,
  pageKinds,
  productCardSchema,
  reportVitals,
  webVitalNames,
} from './front-ends.ts';
export {
  accountChanged,
  endSession,
  endSessions,
  getJwks,
  issueServiceToken,
  listSessions,
  logIn,
  logOut,
  refreshTokens,
  sessionEnded,
  signUp,
  signUpBody,
  userRegistered,
} from './identity.ts';
export {
  emailVerificationAsked,
  passkeyChanged,
  passwordChanged,
  passwordResetAsked,
  secondFactorChanged,
  signedInElsewhere,
} from './identity-mails.ts';
export {
  askEmailVerification,
  askPasswordReset,
  changePassword,
  resetPassword,
  verifyEmail,
} from './identity-passwords.ts';
export {
  beginSecondFactor,
  confirmSecondFactor,
  getSecondFactor,
  removeSecondFactor,
} from './identity-second-factor.ts';
export {
  getAvailability,
  getProduct,
  getProductImage,
  getProductThumbnail,
  importedProduct,
  inventoryCommitted,
  inventoryReleased,
  inventoryReservationFailed,
  inventoryReserved,
  listProducts,
  lookUpProducts,
  productSchema,
  setStock,
  showProducts,
} from './inventory.ts';
export {
  cancelLegacyOrder,
  getLegacyOrder,
  getLegacyRecord,
  handOverLegacyOrder,
  legacyRecordSchema,
  legacyStates,
  listLegacyRecords,
  placeLegacyOrder,
  setLegacyIntake,
  settleLegacyCancellation,
} from './legacy.ts';
export { listMails } from './notification.ts';
export {
  cancelOrder,
  getOrder,
  listOrders,
  MAX_ORDER_LINES,
  type OrderStatus,
  orderCancellationRequested,
  orderCancelled,
  orderConfirmed,
  orderCouponPresented,
  orderPaymentAuthorized,
  orderPlaced,
  orderRequested,
  orderSchema,
  orderShippingGranted,
  orderStatuses,
  placeOrder,
  watchOrder,
} from './order.ts';
export { chargePayment, paymentFailed, paymentProcessed, paymentRefunded, refundPayment } from './payment.ts';
export { createCharge, createRefund, getCharge, voidCharge } from './payment-provider.ts';
export { eraseMe, erasePerson, exportMe, exportPerson, getErasure, getExport } from './people.ts';
export {
  confirmQuote,
  couponRedeemed,
  couponRefused,
  couponReleased,
  couponSchema,
  createCoupon,
  createPromotion,
  createQuote,
  deletePromotion,
  getCoupon,
  getListPrices,
  getQuote,
  listPriceBody,
  listPriceSchema,
  listPromotions,
  newCouponSchema,
  promotionSchema,
  putListPrice,
  putPromotion,
  quoteRefusals,
  quoteSchema,
  redeemCoupon,
  releaseCoupon,
  shippingRate,
  taxRate,
} from './pricing.ts';
export {
  forgetViewed,
  listAlsoBought,
  listPopular,
  listRecommendations,
  listViewed,
  noteViewed,
} from './recommendation.ts';
export { createShipment, shipmentCreated, shipmentRefused } from './shipping.ts';
export {
  addAddress,
  deleteAddress,
  getMe,
  listAddresses,
  MAX_ADDRESSES,
  makeDefaultAddress,
  profileChanged,
  putAddress,
  updateMe,
} from './user.ts';
