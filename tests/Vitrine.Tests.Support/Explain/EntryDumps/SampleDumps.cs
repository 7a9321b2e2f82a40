namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Dumps in the forms that Linux' KVM prints them in; the numbers are ours.</summary>
internal static class SampleDumps
{
    /// <summary>kvm_intel of Linux 6.x: a 64-bit guest with EPT and unrestricted guest, TPR shadow, left by HLT.</summary>
    public const string Vmcs6 =
        """
        VMCS 00000000c0ffee42, last attempted VM-entry on CPU 3
        *** Guest State ***
        CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=fffffffffffefff7
        CR4: actual=0x0000000000002060, shadow=0x0000000000000020, gh_mask=fffffffffffef871
        CR3 = 0x0000000000100000
        PDPTR0 = 0x0000000000000000  PDPTR1 = 0x0000000000000000
        PDPTR2 = 0x0000000000000000  PDPTR3 = 0x0000000000000000
        RSP = 0x0000000000008000  RIP = 0xffffffff81000000
        RFLAGS=0x00000002         DR7 = 0x0000000000000400
        Sysenter RSP=0000000000000000 CS:RIP=0010:ffffffff81a00000
        CS:   sel=0x0010, attr=0x0a09b, limit=0xffffffff, base=0x0000000000000000
        DS:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000
        SS:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000
        ES:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000
        FS:   sel=0x0000, attr=0x1c000, limit=0xffffffff, base=0x0000000000000000
        GS:   sel=0x0000, attr=0x1c000, limit=0xffffffff, base=0xffff88801f400000
        GDTR:                           limit=0x0000007f, base=0xffffffff82000000
        LDTR: sel=0x0000, attr=0x10000, limit=0x00000000, base=0x0000000000000000
        IDTR:                           limit=0x00000fff, base=0xfffffe0000000000
        TR:   sel=0x0040, attr=0x0008b, limit=0x00000067, base=0xfffffe0000003000
        EFER= 0x0000000000000d01
        PAT = 0x0407050600070106
        DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000
        Interruptibility = 00000000  ActivityState = 00000000
        *** Host State ***
        RIP = 0xffffffffc0b16277  RSP = 0xffffc900012f7c08
        CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040
        FSBase=00007f51db980700 GSBase=ffff8801db200000 TRBase=fffffe0000103000
        GDTBase=fffffe0000101000 IDTBase=fffffe0000000000
        CR0=0000000080050033 CR3=00000001cf27f000 CR4=00000000003726e0
        Sysenter RSP=fffffe0000102000 CS:RIP=0010:ffffffff81a015e0
        EFER= 0x0000000000000d01
        PAT = 0x0407050600070106
        *** Control State ***
        CPUBased=0xb5a06dfa SecondaryExec=0x000000a2 TertiaryExec=0x0000000000000000
        PinBased=0x0000003f EntryControls=0000d3ff ExitControls=002befff
        ExceptionBitmap=00060042 PFECmask=00000000 PFECmatch=00000000
        VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
        VMExit: intr_info=00000000 errcode=00000000 ilen=00000001
                reason=0000000c qualification=0000000000000000
        IDTVectoring: info=00000000 errcode=00000000
        TSC Offset = 0xfffff9be78c9dd49
        TPR Threshold = 0x00
        virt-APIC addr = 0x000000011ade6000
        EPT pointer = 0x000000011fffc05e
        PLE Gap=00000080 Window=00001000
        Virtual processor ID = 0x0001
        """;

    /// <summary>kvm_intel of Linux 4.x: a guest in real mode without unrestricted guest; EFER and PAT share a line, no VMCS line, I/O bitmaps.</summary>
    public const string Vmcs4 =
        """
        *** Guest State ***
        CR0: actual=0x0000000080010031, shadow=0x0000000060000010, gh_mask=fffffffffffffff7
        CR4: actual=0x0000000000002051, shadow=0x0000000000000000, gh_mask=ffffffffffffe871
        CR3 = 0x00000000fffbc000
        RSP = 0x0000000000000000  RIP = 0x000000000000fff0
        RFLAGS=0x00023002         DR7 = 0x0000000000000400
        Sysenter RSP=0000000000000000 CS:RIP=0000:0000000000000000
        CS:   sel=0xf000, attr=0x000f3, limit=0x0000ffff, base=0x00000000ffff0000
        DS:   sel=0x0000, attr=0x000f3, limit=0x0000ffff, base=0x0000000000000000
        SS:   sel=0x0000, attr=0x000f3, limit=0x0000ffff, base=0x0000000000000000
        ES:   sel=0x0000, attr=0x000f3, limit=0x0000ffff, base=0x0000000000000000
        FS:   sel=0x0000, attr=0x000f3, limit=0x0000ffff, base=0x0000000000000000
        GS:   sel=0x0000, attr=0x000f3, limit=0x0000ffff, base=0x0000000000000000
        GDTR:                           limit=0x0000ffff, base=0x0000000000000000
        LDTR: sel=0x0000, attr=0x00082, limit=0x0000ffff, base=0x0000000000000000
        IDTR:                           limit=0x0000ffff, base=0x0000000000000000
        TR:   sel=0x0000, attr=0x0008b, limit=0x00002088, base=0x00000000fffbd000
        EFER =     0x0000000000000000  PAT = 0x0007040600070406
        DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000
        Interruptibility = 00000000  ActivityState = 00000000
        *** Host State ***
        RIP = 0xffffffff811b6277  RSP = 0xffff8801c8a074c8
        CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040
        FSBase=00007f51db980700 GSBase=ffff8801db200000 TRBase=ffff8801db223100
        GDTBase=ffffffffff577000 IDTBase=ffffffffff57b000
        CR0=0000000080050033 CR3=00000001cf27f000 CR4=00000000001426f0
        Sysenter RSP=0000000000000000 CS:RIP=0010:ffffffff84d9d0a0
        EFER = 0x0000000000000d01  PAT = 0x0407050600070106
        *** Control State ***
        PinBased=0000003f CPUBased=b6a1edfa SecondaryExec=00000022
        EntryControls=0000d1ff ExitControls=002befff
        ExceptionBitmap=00060042 PFECmask=00000000 PFECmatch=00000000
        VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
        VMExit: intr_info=00000000 errcode=00000000 ilen=00000000
                reason=80000021 qualification=0000000000000000
        IDTVectoring: info=00000000 errcode=00000000
        TSC Offset = 0xffffffd760e51039
        SVI|RVI = 00|00 TPR Threshold = 0x00
        APIC-access addr = 0x0000000499d63000 virt-APIC addr = 0x000000011ade6000
        EPT pointer = 0x00000001d8af001e
        CR3 target0=0000000000000000 target1=0000000000000000
        Virtual processor ID = 0x0001
        """;

    /// <summary>kvm_amd of Linux 6.x: a guest just out of reset with nested paging, left by HLT.</summary>
    public const string Vmcb6 =
        """
        VMCB 00000000deadbeef, last attempted VMRUN on CPU 5
        VMCB Control Area:
        cr_read:            0011
        cr_write:           0111
        dr_read:            00ff
        dr_write:           00ff
        exceptions:         00060042
        intercepts:         bdcc802f 00002e7f
        pause filter count: 3000
        pause filter threshold:128
        iopm_base_pa:       0000000100200000
        msrpm_base_pa:      0000000100204000
        tsc_offset:         ffffe6b4b2d3a1c0
        asid:               1
        tlb_ctl:            1
        int_ctl:            01000000
        int_vector:         00000000
        int_state:          00000000
        exit_code:          00000078
        exit_info1:         0000000000000000
        exit_info2:         0000000000000000
        exit_int_info:      00000000
        exit_int_info_err:  00000000
        nested_ctl:         1
        nested_cr3:         0000000120000000
        avic_vapic_bar:     0000000000000000
        ghcb:               0000000000000000
        event_inj:          00000000
        event_inj_err:      00000000
        virt_ext:           2
        next_rip:           0000000000000000
        VMCB State Save Area:
        es:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
        cs:   s: f000 a: 009b l: 0000ffff b: 00000000ffff0000
        ss:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
        ds:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
        fs:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
        gs:   s: 0000 a: 0093 l: 0000ffff b: 0000000000000000
        gdtr: s: 0000 a: 0000 l: 0000ffff b: 0000000000000000
        ldtr: s: 0000 a: 0082 l: 0000ffff b: 0000000000000000
        idtr: s: 0000 a: 0000 l: 0000ffff b: 0000000000000000
        tr:   s: 0000 a: 008b l: 0000ffff b: 0000000000000000
        vmpl: 0   cpl:  0               efer:          0000000000001000
        cr0:            0000000000000010 cr2:          0000000000000000
        cr3:            0000000000000000 cr4:          0000000000000040
        dr6:            00000000ffff0ff0 dr7:          0000000000000400
        rip:            000000000000fff0 rflags:       0000000000000002
        rsp:            0000000000000000 rax:          0000000000000000
        star:           0000000000000000 lstar:        0000000000000000
        cstar:          0000000000000000 sfmask:       0000000000000000
        kernel_gs_base: 0000000000000000 sysenter_cs:  0000000000000000
        sysenter_esp:   0000000000000000 sysenter_eip: 0000000000000000
        gpat:           0007040600070406 dbgctl:       0000000000000000
        br_from:        0000000000000000 br_to:        0000000000000000
        excp_from:      0000000000000000 excp_to:      0000000000000000
        """;

    /// <summary>kvm_amd of Linux 4.x: intercepts are one number, no physical address.</summary>
    public static string Vmcb4 { get; } = Vmcb6
        .Replace("VMCB 00000000deadbeef, last attempted VMRUN on CPU 5\n", "", StringComparison.Ordinal)
        .Replace("bdcc802f 00002e7f", "00002e7fbdcc802f", StringComparison.Ordinal)
        .Replace("vmpl: 0   cpl:  0   ", "cpl:            0   ", StringComparison.Ordinal)
        .Replace("virt_ext:           2", "lbr_ctl:            0", StringComparison.Ordinal);

    /// <summary>Xen 4.x: a 64-bit guest with EPT, left by HLT. Segments are a table, numbers in brackets are Xen's own copies.</summary>
    public const string Xen =
        """
        (XEN) ************* VMCS Area **************
        (XEN) *** Guest State ***
        (XEN) CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=ffffffffffffffff
        (XEN) CR4: actual=0x0000000000002660, shadow=0x0000000000000660, gh_mask=ffffffffffc8f860
        (XEN) CR3 = 0x0000000000100000
        (XEN) RSP = 0x0000000000008000 (0x0000000000008000)  RIP = 0xffffffff81000000 (0xffffffff81000000)
        (XEN) RFLAGS=0x00000002 (0x00000002)  DR7 = 0x0000000000000400
        (XEN) Sysenter RSP=0000000000000000 CS:RIP=0010:ffffffff81a00000
        (XEN)        sel  attr  limit   base
        (XEN)   CS: 0010 0a09b ffffffff 0000000000000000
        (XEN)   DS: 0018 0c093 ffffffff 0000000000000000
        (XEN)   SS: 0018 0c093 ffffffff 0000000000000000
        (XEN)   ES: 0018 0c093 ffffffff 0000000000000000
        (XEN)   FS: 0000 1c000 ffffffff 00007f12a9c2d700
        (XEN)   GS: 0000 1c000 ffffffff ffff88801f400000
        (XEN) GDTR:            0000007f ffff88801f40c000
        (XEN) LDTR: 0000 1c000 00000000 0000000000000000
        (XEN) IDTR:            00000fff fffffe0000000000
        (XEN)   TR: 0040 0008b 00000067 fffffe0000003000
        (XEN) EFER(VMCS) = 0x0000000000000d01  PAT = 0x0407050600070106
        (XEN) PreemptionTimer = 0x00000000  SM Base = 0x00000000
        (XEN) DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000
        (XEN) Interruptibility = 00000000  ActivityState = 00000000
        (XEN) *** Host State ***
        (XEN) RIP = 0xffff82d04020c8b0 (vmx_asm_vmexit_handler)  RSP = 0xffff83046a2bff70
        (XEN) CS=e008 SS=0000 DS=0000 ES=0000 FS=0000 GS=0000 TR=e040
        (XEN) FSBase=0000000000000000 GSBase=0000000000000000 TRBase=ffff83046a2c7000
        (XEN) GDTBase=ffff83046a2b5000 IDTBase=ffff83046a2c3000
        (XEN) CR0=000000008005003b CR3=00000004693e2000 CR4=00000000003526e0
        (XEN) Sysenter RSP=ffff83046a2bffa0 CS:RIP=e008:ffff82d040203e50
        (XEN) EFER = 0x0000000000000d01  PAT = 0x0000050100070406
        (XEN) *** Control State ***
        (XEN) PinBased=0000003f CPUBased=b6a065fe SecondaryExec=000014eb
        (XEN) EntryControls=0000d3ff ExitControls=002fefff
        (XEN) ExceptionBitmap=00060002 PFECmask=00000000 PFECmatch=00000000
        (XEN) VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
        (XEN) VMExit: intr_info=00000000 errcode=00000000 ilen=00000001
        (XEN)         reason=0000000c qualification=0000000000000000
        (XEN) IDTVectoring: info=00000000 errcode=00000000
        (XEN) TSC Offset = 0xfffff9be78c9dd49  TSC Multiplier = 0x0000000000000000
        (XEN) TPR Threshold = 0x00  PostedIntrVec = 0x00
        (XEN) EPT pointer = 0x000000011fffc01e  EPTP index = 0x0000
        (XEN) PLE Gap=00000080 Window=00001000
        (XEN) Virtual processor ID = 0x0001 VMfunc controls = 0000000000000000
        (XEN) **************************************
        """;

    /// <summary>The lines as dmesg, syslog or a mail shows them.</summary>
    public static string Prefixed(string dump, string prefix) => string.Join('\n', dump.Split('\n').Select(line => prefix + line));
}
