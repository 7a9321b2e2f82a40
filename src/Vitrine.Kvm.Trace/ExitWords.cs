using System.Buffers.Binary;
using System.Globalization;
using Vitrine.Accelerators.Observation;
using Vitrine.Kvm.Abi;
using Vitrine.X86.Registers;

namespace Vitrine.Kvm.Trace;

/// <summary>KVM_RUN in words: how it was entered, and why it came back (Documentation/virt/kvm/api.rst, 5 "The kvm_run structure").</summary>
internal static unsafe class ExitWords
{
    // SAFETY: for the whole type: the pages are the vCPU's, which a client may write to at any time: what is read of them is copied first, and what leads into them is
    // held within their length.
    private const int LongestInstruction = 15;
    private const int LongestData = 8;

    /// <summary>KVM_RUN.</summary>
    /// <param name="call">The call.</param>
    /// <param name="result">What it returned.</param>
    /// <param name="to">Receives its arguments.</param>
    /// <returns>The exit in words; null when it failed, or the pages aren't known.</returns>
    public static string? Run(in IoctlCall call, long result, CallArguments to)
    {
        if (call.ImmediateExit) to.Number("immediate_exit", 1);
        if (result < 0 || call.Run == null) return null;
        kvm_run run = *call.Run;
        string name = KvmExitName.Of(run.exit_reason);
        string detail = Detail(in run, call.Run, call.RunLength);
        return detail.Length == 0 ? name : $"{name} ({detail})";
    }

    private static string Detail(in kvm_run run, kvm_run* pages, nuint length)
    {
        switch (run.exit_reason)
        {
            case KvmExit.KVM_EXIT_IO:
                bool isOut = run.io.direction == KvmConstants.KVM_EXIT_IO_OUT;
                string times = run.io.count > 1 ? Text($", {run.io.count} times") : "";
                return Text($"{(isOut ? "out" : "in")} {Bytes(run.io.size)} {(isOut ? "to" : "from")} port 0x{run.io.port:x}{times}{(isOut ? PortData(in run, pages, length) : "")}");
            case KvmExit.KVM_EXIT_MMIO:
                kvm_run_mmio mmio = run.mmio;
                return Text($"{(mmio.is_write != 0 ? "write" : "read")} {Bytes(mmio.len)} at 0x{mmio.phys_addr:x}{(mmio.is_write != 0 ? Value(new ReadOnlySpan<byte>(mmio.data, (int)Math.Min(mmio.len, (uint)LongestData))) : "")}");
            case KvmExit.KVM_EXIT_X86_RDMSR:
                return MsrName.Of(run.msr.index);
            case KvmExit.KVM_EXIT_X86_WRMSR:
                return Text($"{MsrName.Of(run.msr.index)}: 0x{run.msr.data:x}");
            case KvmExit.KVM_EXIT_IOAPIC_EOI:
                return Text($"end of interrupt, vector 0x{run.eoi.vector:x}");
            case KvmExit.KVM_EXIT_DEBUG:
                return Text($"exception {run.debug.arch.exception}, stopped at linear address 0x{run.debug.arch.pc:x}, dr6=0x{run.debug.arch.dr6:x}");
            case KvmExit.KVM_EXIT_SYSTEM_EVENT:
                return run.system_event.type switch
                {
                    1 => "shutdown",
                    2 => "reset",
                    3 => "crash",
                    uint other => Text($"type {other}"),
                };
            case KvmExit.KVM_EXIT_FAIL_ENTRY:
                return Text($"hardware reason 0x{run.fail_entry.hardware_entry_failure_reason:x}");
            case KvmExit.KVM_EXIT_UNKNOWN:
                return Text($"hardware reason 0x{run.hw.hardware_exit_reason:x}");
            case KvmExit.KVM_EXIT_INTERNAL_ERROR:
                return KvmExitName.OfSuberror(run.@internal.suberror) + Instruction(in run);
            case KvmExit.KVM_EXIT_MEMORY_FAULT:
                return Text($"guest-physical 0x{run.memory_fault.gpa:x}, size 0x{run.memory_fault.size:x}");
            case KvmExit.KVM_EXIT_HLT:
                return "the guest waits for an interrupt";
            case KvmExit.KVM_EXIT_SHUTDOWN:
                return "triple fault";
            case KvmExit.KVM_EXIT_SET_TPR:
                return Text($"cr8=0x{run.cr8:x}");
            default:
                return "";
        }
    }

    private static string PortData(in kvm_run run, kvm_run* pages, nuint length)
    {
        uint size = Math.Min((uint)run.io.size, sizeof(uint));
        if (run.io.data_offset > length || length - run.io.data_offset < size) return "";
        return Value(new ReadOnlySpan<byte>((byte*)pages + run.io.data_offset, (int)size));
    }

    private static string Value(ReadOnlySpan<byte> data)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        data.CopyTo(value);
        return ": 0x" + BinaryPrimitives.ReadUInt64LittleEndian(value).ToString("x", CultureInfo.InvariantCulture);
    }

    private static string Instruction(in kvm_run run)
    {
        kvm_run_emulation_failure failure = run.emulation_failure;
        bool told = failure.suberror == KvmConstants.KVM_INTERNAL_ERROR_EMULATION && failure.ndata >= 3 &&
            (failure.flags & KvmConstants.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;
        if (!told) return "";
        return ", bytes " + Convert.ToHexStringLower(new ReadOnlySpan<byte>(failure.insn_bytes, Math.Min((int)failure.insn_size, LongestInstruction)));
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static string Bytes(uint count) => count == 1 ? "1 byte" : Text($"{count} bytes");
}
