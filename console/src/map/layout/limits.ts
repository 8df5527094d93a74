/** More shapes than this stand in islands: columns of them would be too long to read. */
export const COLUMNS_UP_TO = 150;
