"""What runs in the kernel, and the little that speaks to it: one C program set, its layout and its pinned maps."""
