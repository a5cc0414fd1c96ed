import { openNetwork } from "./net/lanyard";

void openNetwork();
