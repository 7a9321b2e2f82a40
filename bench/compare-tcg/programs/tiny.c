/* The least that a C program does: the C library's start and its end. */
int main(void)
{
    return 0;
}
