declare const authenticated: unique symbol;

/** Who a valid key stands for. Only the keyring makes one, so nothing can be authorised before it is authenticated. */
export interface Subject {
  readonly keyId: string;
  readonly role: string;
  readonly user: string;
  readonly [authenticated]: true;
}
