using System.Runtime.InteropServices;

namespace Vitrine.Tests.Software.Sse;

/// <summary>User-mode registers in native memory: an FXSAVE64 image, general registers and flags.</summary>
// SAFETY: the block is as long as the offsets say and lives as long as the object.
internal sealed unsafe class MachineFrame : IDisposable
{
    public const int Fx = 0;
    public const int HostFx = 512;
    public const int Gpr = 1024;
    public const int Rflags = 1152;
    private const int Size = 1160;

    public MachineFrame() => Pointer = (byte*)NativeMemory.AlignedAlloc(Size, 64);

    public byte* Pointer { get; }

    public Span<byte> Bytes => new(Pointer, Size);

    public Span<byte> FxImage => new(Pointer + Fx, 512);

    public Span<ulong> General => new(Pointer + Gpr, 16);

    public ref ulong Flags => ref *(ulong*)(Pointer + Rflags);

    public ref ushort ControlWord => ref *(ushort*)Pointer;

    public ref uint Mxcsr => ref *(uint*)(Pointer + 24);

    public ref ushort StatusWord => ref *(ushort*)(Pointer + 2);

    public Span<byte> St(int number) => new(Pointer + 32 + (16 * number), 10);

    public Span<byte> Xmm(int number) => new(Pointer + 160 + (16 * number), 16);

    public void Dispose() => NativeMemory.AlignedFree(Pointer);

    /// <summary>What differs from another frame, or null. Of the x87 pointers nothing is compared: they are the model's own.</summary>
    public string? Difference(MachineFrame other, ulong flags)
    {
        for (int i = 0; i < 16; i++)
        {
            if (i != 4 && General[i] != other.General[i]) return $"r{i}: {General[i]:X16} and {other.General[i]:X16}";
            if (!Xmm(i).SequenceEqual(other.Xmm(i))) return $"xmm{i}: {Convert.ToHexString(Xmm(i))} and {Convert.ToHexString(other.Xmm(i))}";
        }

        for (int i = 0; i < 8; i++)
        {
            if (!St(i).SequenceEqual(other.St(i))) return $"st{i}: {Convert.ToHexString(St(i))} and {Convert.ToHexString(other.St(i))}";
        }

        if (StatusWord != other.StatusWord) return $"FSW: {StatusWord:X4} and {other.StatusWord:X4}";
        if (ControlWord != other.ControlWord) return $"FCW: {ControlWord:X4} and {other.ControlWord:X4}";
        if (Mxcsr != other.Mxcsr) return $"MXCSR: {Mxcsr:X} and {other.Mxcsr:X}";
        if (Pointer[4] != other.Pointer[4]) return $"FTW: {Pointer[4]:X2} and {other.Pointer[4]:X2}";
        if (((Flags ^ other.Flags) & flags) != 0) return $"flags: {Flags & flags:X} and {other.Flags & flags:X}";
        return null;
    }
}
