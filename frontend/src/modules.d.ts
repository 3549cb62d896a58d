declare module "idiomorph/htmx";
