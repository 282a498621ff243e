"""The running proxy: one supervisor process, its workers, and what people and machines see of them."""
