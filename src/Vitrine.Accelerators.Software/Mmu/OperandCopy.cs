using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// Copies an operand from or to guest memory. One of up to 16 bytes is copied each byte once: where the processor promises one access (SDM vol. 3, 9.1.1), other
/// vCPUs see one, and what they write in return is never overwritten. Longer ones, for which it promises nothing, are copied in any way.
/// </summary>
internal static unsafe class OperandCopy
{
    // SAFETY: both ranges are the callers' and as long as they say.

    /// <summary>Copies.</summary>
    public static void Copy(byte* source, byte* destination, int size)
    {
        switch (size)
        {
            case 2:
                Unsafe.WriteUnaligned(destination, Unsafe.ReadUnaligned<ushort>(source));
                break;
            case 4:
                Unsafe.WriteUnaligned(destination, Unsafe.ReadUnaligned<uint>(source));
                break;
            case 8:
                Unsafe.WriteUnaligned(destination, Unsafe.ReadUnaligned<ulong>(source));
                break;
            case 16:
                Unsafe.WriteUnaligned(destination, Unsafe.ReadUnaligned<Vector128<byte>>(source));
                break;
            case < 16:
                for (int i = 0; i < size; i++) destination[i] = source[i];
                break;
            default:
                Buffer.MemoryCopy(source, destination, size, size);
                break;
        }
    }
}
