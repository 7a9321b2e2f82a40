using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Tests.Software.Sse;

/// <summary>Between a <see cref="MachineFrame"/> and the interpreter's state.</summary>
// SAFETY: callers give a state that lives; offsets are those of its registers.
internal static unsafe class FrameTransfer
{
    public static void Load(CpuState* cpu, MachineFrame frame)
    {
        for (int i = 0; i < 16; i++)
        {
            cpu->Gpr[i] = frame.General[i];
            frame.Xmm(i).CopyTo(new Span<byte>((byte*)cpu + CpuState.XmmOffset(i), 16));
        }

        cpu->Fcw = frame.ControlWord;
        cpu->Mxcsr = frame.Mxcsr;
        cpu->FpuTop = (byte)(frame.StatusWord >> 11 & 7);
        cpu->Fsw = (ushort)(frame.StatusWord & ~0x3800);
        cpu->FpuTag = frame.Pointer[4];
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            cpu->X87[2 * physical] = MemoryMarshal.Read<ulong>(frame.St(i));
            cpu->X87[(2 * physical) + 1] = MemoryMarshal.Read<ushort>(frame.St(i)[8..]);
        }

        Flags.SetRflags(cpu, frame.Flags);
    }

    public static void Save(CpuState* cpu, MachineFrame frame)
    {
        for (int i = 0; i < 16; i++)
        {
            frame.General[i] = cpu->Gpr[i];
            new Span<byte>((byte*)cpu + CpuState.XmmOffset(i), 16).CopyTo(frame.Xmm(i));
        }

        frame.ControlWord = cpu->Fcw;
        frame.Mxcsr = cpu->Mxcsr;
        frame.StatusWord = (ushort)(cpu->Fsw | (cpu->FpuTop << 11));
        frame.Pointer[4] = cpu->FpuTag;
        for (int i = 0; i < 8; i++)
        {
            int physical = (cpu->FpuTop + i) & 7;
            MemoryMarshal.Write(frame.St(i), cpu->X87[2 * physical]);
            MemoryMarshal.Write(frame.St(i)[8..], (ushort)cpu->X87[(2 * physical) + 1]);
        }

        frame.Flags = Flags.GetRflags(cpu);
    }
}
